//! Which version this is, and a count for tests.

use std::ffi::c_char;

use crate::guard;

/// The version of this header.
pub const PROJECTCOR_VERSION_MAJOR: u32 = 0;
/// The version of this header.
pub const PROJECTCOR_VERSION_MINOR: u32 = 1;
/// The version of this header.
pub const PROJECTCOR_VERSION_PATCH: u32 = 0;

/// The version of the library that is in use, "MAJOR.MINOR.PATCH"; of the header it was compiled with, see
/// PROJECTCOR_VERSION_MAJOR and its companions. Text that lives for ever. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// The version of the library that is in use, as MAJOR * 10000 + MINOR * 100 + PATCH. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_version_number() -> u32 {
    PROJECTCOR_VERSION_MAJOR * 10_000 + PROJECTCOR_VERSION_MINOR * 100 + PROJECTCOR_VERSION_PATCH
}

/// How many handles are in use in this process, those of results included: what a test looks at to find one that
/// was not freed. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_handles_in_use() -> u64 {
    guard::alive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_macros_match_crate() {
        let parts = [PROJECTCOR_VERSION_MAJOR, PROJECTCOR_VERSION_MINOR, PROJECTCOR_VERSION_PATCH];
        assert_eq!(parts.map(|part| part.to_string()).join("."), env!("CARGO_PKG_VERSION"));
    }
}
