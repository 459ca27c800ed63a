//! The features are on that the run asks for, and off otherwise.

use serde_json::Value;

#[test]
fn the_features_are_on() {
    let written = |json: &str| serde_json::from_str::<Value>(json).map(|value| value.to_string()).ok();
    let precise = written("0.10").as_deref() == Some("0.10");
    let ordered = written(r#"{"b":1,"a":2}"#).as_deref() == Some(r#"{"b":1,"a":2}"#);
    assert_eq!(precise, cfg!(feature = "arbitrary_precision"));
    assert_eq!(ordered, cfg!(feature = "preserve_order"));
}
