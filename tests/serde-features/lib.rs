//! The tests of cor-core's serde support, in a build whose serde_json has features that this project leaves off.
