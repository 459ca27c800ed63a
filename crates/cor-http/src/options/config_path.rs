//! Where the configuration file is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::Error;

/// The path of the configuration file, whether it exists or not: `COR_CONFIG`, else `cor/config.toml` in the folder for
/// configuration (`$XDG_CONFIG_HOME`, else `~/.config`; on Windows `%APPDATA%`).
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) where this account has no such folder.
pub fn config_path() -> Result<PathBuf, Error> {
    config_file_of_process().ok_or_else(|| {
        Error::config("this account has no folder for configuration files")
            .advising("set COR_CONFIG to a file")
    })
}

/// The path of the configuration file by the variables of this process, whose values need not be Unicode.
pub(super) fn config_file_of_process() -> Option<PathBuf> {
    config_file(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
}

/// The path of the configuration file by these variables.
pub(super) fn config_file<T: Into<OsString>>(get: impl Fn(&str) -> Option<T>) -> Option<PathBuf> {
    let get = |name: &str| get(name).map(Into::into);
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn paths_that_are_not_unicode_are_used() {
        let folder = || OsString::from_vec(b"/caf\xe9".to_vec());
        for (set, expected) in [
            ("COR_CONFIG", PathBuf::from(folder())),
            ("XDG_CONFIG_HOME", Path::new(&folder()).join("cor/config.toml")),
            ("HOME", Path::new(&folder()).join(".config/cor/config.toml")),
        ] {
            assert_eq!(config_file(|name| (name == set).then(folder)), Some(expected), "{set}");
        }
    }
}
