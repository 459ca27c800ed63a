//! The configuration of a client.

use std::ffi::c_char;
use std::sync::Mutex;
use std::time::Duration;

use cor_http::{Client, ClientBuilder, Error, OptionNames, TransportKind};

use crate::error::Failure;
use crate::guard::{self, Kind, Object, borrow, get, guard, insert, release};
use crate::status::cor_status;

/// The options of a client, before there is one. Belongs to one thread at a time.
#[derive(Debug)]
pub struct cor_config(());

/// What is behind a `cor_config *`.
pub(crate) struct ConfigHandle(Mutex<State>);

#[derive(Default)]
struct State {
    builder: ClientBuilder,
    /// The first setter that was refused: no client is made without an option that the caller set.
    refused: Option<Failure>,
}

impl Object for ConfigHandle {
    const KIND: Kind = Kind::Config;
    type Opaque = cor_config;
}

impl ConfigHandle {
    /// The client these options make.
    pub(crate) fn build(&self) -> Result<Client, Failure> {
        let state = guard::exclusive(&self.0, "config")?;
        if let Some(refused) = &state.refused {
            return Err(refused.clone());
        }
        Ok(state.builder.clone().option_names(OptionNames::C).build()?)
    }
}

fn change(
    config: *mut cor_config,
    change: impl FnOnce(ClientBuilder, &mut State) -> Result<ClientBuilder, Failure>,
) -> cor_status {
    guard(std::ptr::null_mut(), || {
        let config = borrow::<ConfigHandle>(config, "config")?;
        let mut state = guard::exclusive(&config.0, "config")?;
        let builder = state.builder.clone();
        match change(builder, &mut state) {
            Ok(builder) => {
                state.builder = builder;
                Ok(())
            }
            Err(refused) => {
                state.refused.get_or_insert_with(|| refused.clone());
                Err(refused)
            }
        }
    })
}

fn set_text(
    config: *mut cor_config,
    name: &str,
    value: *const c_char,
    set: impl FnOnce(ClientBuilder, String) -> ClientBuilder,
) -> cor_status {
    change(config, |builder, _| Ok(set(builder, guard::text(value, name)?.to_owned())))
}

fn set_text_n(
    config: *mut cor_config,
    name: &str,
    (value, size): (*const c_char, usize),
    set: impl FnOnce(ClientBuilder, String) -> ClientBuilder,
) -> cor_status {
    change(config, |builder, _| Ok(set(builder, guard::text_n(value, size, name)?.to_owned())))
}

fn set_ms(
    config: *mut cor_config,
    name: &str,
    ms: i64,
    set: impl FnOnce(ClientBuilder, Duration) -> ClientBuilder,
) -> cor_status {
    change(config, |builder, _| Ok(set(builder, milliseconds(name, ms)?)))
}

/// Milliseconds as C gives them.
pub(crate) fn milliseconds(name: &str, ms: i64) -> Result<Duration, Error> {
    match u64::try_from(ms) {
        Ok(ms) if ms > 0 => Ok(Duration::from_millis(ms)),
        // The message is the same in every interface.
        _ => cor_http::seconds(name, ms as f64 / 1000.0)
            .map_err(|error| error.with_option_names(OptionNames::C)),
    }
}

fn kind(name: &str) -> Result<TransportKind, Failure> {
    name.parse::<TransportKind>().map_err(|error| Error::from(error).into())
}

/// Options with their defaults. Nothing is read from the environment.
///
/// Setters copy their values. A setter that refuses its value returns an error status, and cor_client_new() then fails
/// with the same error. What only the client can judge, such as a rate that is NaN or a token with blanks, cor_client_new() refuses
/// itself. Either way no client is created without an option that the caller set.
///
/// Returns a handle to be freed with cor_config_free(); NULL where there is no memory for it. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_new() -> *mut cor_config {
    get(std::ptr::null_mut(), || insert(ConfigHandle(Mutex::default())))
}

/// Frees options. NULL is fine. Clients made from them stay.
///
/// Returns COR_ERR_ARGUMENT for options that were freed already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_free(config: *mut cor_config) -> cor_status {
    release::<ConfigHandle>(config, "config", |_| Ok(()))
}

/// Reads COR_ACCESS_TOKEN, or COR_API_KEY with COR_CLIENT_SECRET; COR_BASE_URL, COR_MAIN_URL, COR_TOKEN_URL, COR_TRANSPORT,
/// COR_PROFILE, COR_CONFIG; and the usual HTTPS_PROXY, ALL_PROXY and NO_PROXY. Setters win over them, whether called before or
/// after. Since 0.1.
///
/// Reading the environment while another thread changes it is undefined in C; call it early.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_read_environment(config: *mut cor_config) -> cor_status {
    change(config, |builder, _| Ok(builder.from_env()))
}

/// The profile of the configuration file to use; from the environment: COR_PROFILE. Read by cor_client_new(). Setters and
/// environment variables win over it; but credentials of a profile that is set here win over those of the environment, which
/// never go to a server that only the profile names. The file is COR_CONFIG, else cor/config.toml in the folder for configuration
/// (XDG_CONFIG_HOME, else ~/.config; on Windows APPDATA). Since 0.1.
///
/// cor_client_new() returns COR_ERR_CONFIG for a profile that is not in the file, an unknown option in it, a file with
/// secrets that other users can read, a base URL of another server beside the credentials of the profile, and one that the profile sets beside credentials of the
/// environment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_profile(
    config: *mut cor_config,
    profile: *const c_char,
) -> cor_status {
    set_text(config, "profile", profile, |builder, value| builder.profile(value))
}

/// As cor_config_set_profile(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_profile_n(
    config: *mut cor_config,
    profile: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "profile", (profile, size), |builder, value| builder.profile(value))
}

/// A bearer token to use as it is. Excludes an API key. Since 0.1.
///
/// @param token  printable ASCII without spaces.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_token(config: *mut cor_config, token: *const c_char) -> cor_status {
    set_text(config, "token", token, |builder, value| builder.token(value))
}

/// As cor_config_set_token(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_token_n(
    config: *mut cor_config,
    token: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "token", (token, size), |builder, value| builder.token(value))
}

/// The API key of COR's client credentials; needs a client secret. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_api_key(
    config: *mut cor_config,
    api_key: *const c_char,
) -> cor_status {
    set_text(config, "api_key", api_key, |builder, value| builder.api_key(value))
}

/// As cor_config_set_api_key(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_api_key_n(
    config: *mut cor_config,
    api_key: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "api_key", (api_key, size), |builder, value| builder.api_key(value))
}

/// The secret of COR's client credentials; needs an API key. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_client_secret(
    config: *mut cor_config,
    client_secret: *const c_char,
) -> cor_status {
    set_text(config, "client_secret", client_secret, |builder, value| builder.client_secret(value))
}

/// As cor_config_set_client_secret(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_client_secret_n(
    config: *mut cor_config,
    client_secret: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "client_secret", (client_secret, size), |builder, value| builder.client_secret(value))
}

/// The base URL of the Integrations API; default "https://integrations.projectcor.com". https, or http to this machine.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_base_url(
    config: *mut cor_config,
    base_url: *const c_char,
) -> cor_status {
    set_text(config, "base_url", base_url, |builder, value| builder.base_url(value))
}

/// As cor_config_set_base_url(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_base_url_n(
    config: *mut cor_config,
    base_url: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "base_url", (base_url, size), |builder, value| builder.base_url(value))
}

/// The base URL of COR's main API, which reads projects, version included; default "https://api.projectcor.com/v1", and none if
/// another base URL is set: reading is then refused until this is set too. Beside COR's own base URL no other server is accepted, so
/// that no token goes there. https, or http to this machine. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_main_url(
    config: *mut cor_config,
    main_url: *const c_char,
) -> cor_status {
    set_text(config, "main_url", main_url, |builder, value| builder.main_url(value))
}

/// As cor_config_set_main_url(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_main_url_n(
    config: *mut cor_config,
    main_url: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "main_url", (main_url, size), |builder, value| builder.main_url(value))
}

/// The whole URL of the token endpoint; default "https://api.projectcor.com/v1/oauth/token". The refresh
/// address is its sibling "refreshtoken". Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_token_url(
    config: *mut cor_config,
    token_url: *const c_char,
) -> cor_status {
    set_text(config, "token_url", token_url, |builder, value| builder.token_url(value))
}

/// As cor_config_set_token_url(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_token_url_n(
    config: *mut cor_config,
    token_url: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "token_url", (token_url, size), |builder, value| builder.token_url(value))
}

/// A PEM file of certificate authorities to trust besides the operating system's. Read by cor_client_new().
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_ca_file(config: *mut cor_config, path: *const c_char) -> cor_status {
    set_text(config, "ca_file", path, |builder, value| builder.ca_file(value))
}

/// As cor_config_set_ca_file(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_ca_file_n(
    config: *mut cor_config,
    path: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "ca_file", (path, size), |builder, value| builder.ca_file(value))
}

/// A PEM file with the client certificate that this client presents in TLS, and the certificates between it and its
/// authority; needs cor_config_set_client_key(). Read by cor_client_new(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_client_cert(
    config: *mut cor_config,
    path: *const c_char,
) -> cor_status {
    set_text(config, "client_cert", path, |builder, value| builder.client_cert(value))
}

/// As cor_config_set_client_cert(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_client_cert_n(
    config: *mut cor_config,
    path: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "client_cert", (path, size), |builder, value| builder.client_cert(value))
}

/// The PEM file of the private key (PKCS #8, PKCS #1 or SEC 1, not encrypted) of the client certificate. Read
/// by cor_client_new(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_client_key(
    config: *mut cor_config,
    path: *const c_char,
) -> cor_status {
    set_text(config, "client_key", path, |builder, value| builder.client_key(value))
}

/// As cor_config_set_client_key(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_client_key_n(
    config: *mut cor_config,
    path: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "client_key", (path, size), |builder, value| builder.client_key(value))
}

/// The proxy for requests to other machines: "http://", "https://", "socks5://" or "socks5h://", with user and password where
/// needed. Calls to this machine do not use it. The transport "direct" does not support proxies. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_proxy(config: *mut cor_config, proxy: *const c_char) -> cor_status {
    set_text(config, "proxy", proxy, |builder, value| builder.proxy(value))
}

/// As cor_config_set_proxy(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_proxy_n(
    config: *mut cor_config,
    proxy: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "proxy", (proxy, size), |builder, value| builder.proxy(value))
}

/// The HTTP implementation: "reqwest", the default (HTTP/2 and HTTP/1.1, HTTP, HTTPS and SOCKS proxies), or "direct"
/// (HTTP/2 and HTTP/1.1 without a proxy: less CPU, and over HTTP/1.1 it knows exactly whether a byte of a request has left).
/// From the environment: COR_TRANSPORT.
///
/// Returns COR_ERR_CONFIG for another name; cor_client_new() does for "direct" where a proxy is set. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_transport(
    config: *mut cor_config,
    transport: *const c_char,
) -> cor_status {
    change(config, |builder, _| Ok(builder.transport_kind(kind(guard::text(transport, "transport")?)?)))
}

/// As cor_config_set_transport(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_transport_n(
    config: *mut cor_config,
    transport: *const c_char,
    size: usize,
) -> cor_status {
    change(config, |builder, _| {
        Ok(builder.transport_kind(kind(guard::text_n(transport, size, "transport")?)?))
    })
}

/// The whole User-Agent; default "projectcor/" and the version. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_user_agent(
    config: *mut cor_config,
    user_agent: *const c_char,
) -> cor_status {
    set_text(config, "user_agent", user_agent, |builder, value| builder.user_agent(value))
}

/// As cor_config_set_user_agent(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_user_agent_n(
    config: *mut cor_config,
    user_agent: *const c_char,
    size: usize,
) -> cor_status {
    set_text_n(config, "user_agent", (user_agent, size), |builder, value| builder.user_agent(value))
}

/// Time limit for connecting; default 5000 ms, at most seven days, like all times. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_connect_timeout_ms(config: *mut cor_config, ms: i64) -> cor_status {
    set_ms(config, "connect_timeout", ms, ClientBuilder::connect_timeout)
}

/// Time limit for one request; default 20000 ms. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_attempt_timeout_ms(config: *mut cor_config, ms: i64) -> cor_status {
    set_ms(config, "attempt_timeout", ms, ClientBuilder::attempt_timeout)
}

/// Time limit for one call, including name resolution, retries and waits; default 60000 ms. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_deadline_ms(config: *mut cor_config, ms: i64) -> cor_status {
    set_ms(config, "deadline", ms, ClientBuilder::deadline)
}

/// The most attempts of one call, including the first; default 4, at least 1. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_max_attempts(
    config: *mut cor_config,
    max_attempts: u32,
) -> cor_status {
    change(config, |builder, _| Ok(builder.max_attempts(max_attempts)))
}

/// The first wait between attempts, doubled each time; default 250 ms. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_backoff_base_ms(config: *mut cor_config, ms: i64) -> cor_status {
    set_ms(config, "backoff_base", ms, ClientBuilder::backoff_base)
}

/// The longest wait between attempts; default 20000 ms. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_backoff_cap_ms(config: *mut cor_config, ms: i64) -> cor_status {
    set_ms(config, "backoff_cap", ms, ClientBuilder::backoff_cap)
}

/// How many retries the single calls of the client may use up together; default 100, at most 1000000, 0 for no limit. Every
/// call adds a fifth of a retry. While the budget is empty, a failed attempt is not repeated, and the error says so. In bulk an
/// empty budget makes the waits between attempts longer and fails no row. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_retry_budget(config: *mut cor_config, retries: u32) -> cor_status {
    change(config, |builder, _| Ok(builder.retry_budget(retries)))
}

/// The most requests in flight; default 16, from 1 to 10000. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_concurrency(config: *mut cor_config, concurrency: u32) -> cor_status {
    change(config, |builder, _| Ok(builder.concurrency(concurrency as usize)))
}

/// The most requests per second, more than 0. By default the client estimates the limit from COR's responses. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_rate(config: *mut cor_config, per_second: f64) -> cor_status {
    change(config, |builder, _| Ok(builder.rate(per_second)))
}

/// Requests per second to start with: what cor_client_rate_hint() of an earlier client returned, where a process cannot keep
/// its client. It is no bound: the client goes on learning. By default requests leave at once until COR refuses one. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_config_set_rate_hint(config: *mut cor_config, per_second: f64) -> cor_status {
    change(config, |builder, _| Ok(builder.rate_hint(per_second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_function_and_member_is_in_the_header() {
        const HEADER: &str = include_str!("../../../include/projectcor.h");
        let options = HEADER.split_once("typedef struct cor_sync_options {").unwrap().1;
        let options = options.split_once("} cor_sync_options;").unwrap().0;
        for option in OptionNames::options() {
            let written = OptionNames::C.apply(&format!("set `{option}`")).into_owned();
            let exists = match (written.strip_prefix("call "), written.strip_prefix("set cor_sync_options."))
            {
                (Some(call), _) => HEADER.contains(&format!("\ncor_status {}(", call.trim_end_matches("()"))),
                (_, Some(member)) => options.contains(&format!("{member};")),
                // Options that only a workbook has, which C does not read by name.
                _ => matches!(option, "sheet" | "header_row"),
            };
            assert!(exists, "{option} is written {written}");
        }
    }
}
