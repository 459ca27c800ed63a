//! Where the configuration file is.

use std::path::{Path, PathBuf};

use crate::Error;

/// The path of the configuration file, whether it exists or not: `COR_CONFIG`, else `cor/config.toml` in the folder for
/// configuration (`$XDG_CONFIG_HOME`, else `~/.config`; on Windows `%APPDATA%`).
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) where this account has no such folder.
pub fn config_path() -> Result<PathBuf, Error> {
    config_file(|name| std::env::var(name).ok().filter(|value| !value.is_empty())).ok_or_else(|| {
        Error::config("this account has no folder for configuration files")
            .advising("set COR_CONFIG to a file")
    })
}

/// The path of the configuration file by these variables.
pub(super) fn config_file(get: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(path) = get("COR_CONFIG") {
        return Some(path.into());
    }
    let folder = match cfg!(windows) {
        true => PathBuf::from(get("APPDATA")?),
        // The XDG specification tells programs to ignore a relative path.
        false => match get("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute()) {
            Some(folder) => folder,
            None => Path::new(&get("HOME")?).join(".config"),
        },
    };
    Some(folder.join("cor").join("config.toml"))
}
