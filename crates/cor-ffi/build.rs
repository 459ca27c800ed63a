//! Gives the shared library its name for the dynamic linker: programs ask for `libprojectcor.so.MAJOR`. Once loaded
//! it stays, because a thread that looks up a name may outlive the client; a plugin may still close what it opened.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let major = var("CARGO_PKG_VERSION_MAJOR");
    match var("CARGO_CFG_TARGET_OS").as_str() {
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libprojectcor.so.{major}");
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        "macos" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libprojectcor.{major}.dylib");
        }
        _ => {}
    }
}
