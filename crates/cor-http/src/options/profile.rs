//! Profiles: options under a name, in one TOML file.

use std::path::Path;

use super::credentials::Level;
use super::settings::Settings;
use crate::Error;

#[cfg(feature = "profiles")]
mod file;

/// The values of a profile; by default there is none.
#[derive(Clone, Default)]
pub(super) struct Profile {
    pub(super) settings: Settings,
    pub(super) level: Level,
    /// The source of projects for which the caller names none.
    pub(super) source: Option<String>,
}

impl Profile {
    /// Reads a profile. `path` is the file that the environment names, where the environment was looked up.
    #[cfg(feature = "profiles")]
    pub(super) fn read(name: &str, path: Option<&Path>) -> Result<Profile, Error> {
        match path {
            Some(path) => file::read(name, path),
            None => file::read(name, &super::config_path()?),
        }
    }

    #[cfg(not(feature = "profiles"))]
    pub(super) fn read(name: &str, _: Option<&Path>) -> Result<Profile, Error> {
        Err(Error::config(format!("this build cannot read the profile {name}"))
            .advising("enable the feature profiles of cor-http, or choose no profile (COR_PROFILE)"))
    }
}
