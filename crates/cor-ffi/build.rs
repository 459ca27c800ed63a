//! Gives the shared library its name for the dynamic linker: programs ask for `libprojectcor.so.MAJOR`, and before
//! 1.0, when a minor version may remove or change functions, for `libprojectcor.so.0.MINOR`. Once loaded it stays, because a
//! thread that looks up a name may outlive the client; a plugin may still close what it opened.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let abi = match var("CARGO_PKG_VERSION_MAJOR").as_str() {
        "0" => format!("0.{}", var("CARGO_PKG_VERSION_MINOR")),
        major => major.to_owned(),
    };
    match var("CARGO_CFG_TARGET_OS").as_str() {
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libprojectcor.so.{abi}");
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        "macos" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libprojectcor.{abi}.dylib");
        }
        _ => {}
    }
}
