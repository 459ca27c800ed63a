//! The table of faults that every interface runs: `tests/faults/cases.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Script;

/// A peer, a call, and what is to come of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The row of the table that it comes from; for those who have no time for every variation.
    #[serde(default)]
    pub row: usize,
    pub name: String,
    pub peer: Script,
    #[serde(default)]
    pub client: Options,
    #[serde(default)]
    pub update: Update,
    pub expect: Expect,
    /// What is to come of it instead, by the way of the call (`tls`, `h2`, `proxied`), by the client's transport
    /// (`reqwest`, `direct`), or by both (`reqwest h2`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instead: BTreeMap<String, Expect>,
}

/// How a call gets to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Without TLS, unless the case itself asks for it.
    Straight,
    /// With TLS and HTTP/1.1.
    Tls,
    /// With TLS and HTTP/2.
    Http2,
    /// Through a tunnel that a proxy makes, with TLS and HTTP/1.1 inside: a proxy never sees calls to this machine
    /// that could go without.
    Proxied,
}

impl Way {
    const ALL: [Way; 4] = [Way::Straight, Way::Tls, Way::Http2, Way::Proxied];

    /// The name that a case's `instead` uses.
    pub fn name(self) -> &'static str {
        match self {
            Way::Straight => "straight",
            Way::Tls => "tls",
            Way::Http2 => "h2",
            Way::Proxied => "proxied",
        }
    }
}

/// The transports of the client, as its option `transport` names them.
pub const TRANSPORTS: [&str; 2] = ["reqwest", "direct"];

impl Case {
    /// What is to come of the case on this way with this transport: the most special expectation that there is.
    pub fn expect_for(&self, way: Way, transport: &str) -> &Expect {
        let both = format!("{transport} {}", way.name());
        // HTTP/2 has TLS below it.
        let below = if way == Way::Http2 { "tls" } else { "" };
        let names = [both.as_str(), way.name(), transport, below];
        names.iter().find_map(|name| self.instead.get(*name)).unwrap_or(&self.expect)
    }

    /// # Panics
    /// Where `instead` has a name that nothing has.
    fn check_names(&self) {
        for name in self.instead.keys() {
            let mut known = Way::ALL.iter().flat_map(|way| {
                let both = TRANSPORTS.iter().map(|transport| format!("{transport} {}", way.name()));
                both.chain([way.name().to_owned()])
            });
            assert!(
                TRANSPORTS.contains(&name.as_str()) || known.any(|known| known == *name),
                "case {}: there is no way {name:?}",
                self.name
            );
        }
    }
}

/// The options of the call. Those that are not given keep a test from waiting: two attempts, a millisecond apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    pub connect_timeout_ms: u64,
    pub attempt_timeout_ms: u64,
    pub deadline_ms: u64,
    pub max_attempts: u32,
    /// Trusts the peer's authority, where the peer speaks TLS.
    pub trust: bool,
    /// Speaks TLS to a peer that may not.
    pub https: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            connect_timeout_ms: 3000,
            attempt_timeout_ms: 3000,
            deadline_ms: 6000,
            max_attempts: 2,
            trust: true,
            https: false,
        }
    }
}

/// The update of project `F-1` of `SALESFORCE`: its name, `N`, and a brief of this many bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Update {
    pub brief_bytes: usize,
    /// Calls before the one that counts, on the same client; each of them succeeds.
    pub after: usize,
    /// The time that connections lie idle in between.
    pub pause_ms: u64,
}

/// What is to come of it. What is not given does not matter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// The call succeeds.
    pub ok: bool,
    /// The id of the project, where the call succeeds and the answer holds one.
    pub id: Option<i64>,
    pub kind: Option<String>,
    pub outcome: Option<String>,
    pub status: Option<u16>,
    pub code: Option<String>,
    pub attempts: Option<u32>,
    pub retry_after: Option<f64>,
    /// What the error's text says, causes included.
    pub says: Vec<String>,
    /// Whole requests that reach the peer.
    pub requests: Option<usize>,
    /// How long after its deadline the call may end, where that is longer than what the suite allows for every case.
    pub late_ms: Option<u64>,
}

/// Reads a table. A case with `vary`, a list of lists of substitutions, stands for one case per combination:
/// `"${status}"` becomes the value itself, and inside of longer text its text.
///
/// # Panics
/// Where the table cannot be read.
pub fn read(table: &str) -> Vec<Case> {
    let rows: Vec<Value> = serde_json::from_str(table).unwrap();
    let cases: Vec<Case> = rows.into_iter().enumerate().flat_map(|(n, row)| expand(n, row)).collect();
    cases.iter().for_each(Case::check_names);
    cases
}

/// At most three variations of each row: the first, the last, and one in between.
pub fn sample(mut cases: Vec<Case>, seed: u64) -> Vec<Case> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut kept = Vec::new();
    while let Some(row) = cases.first().map(|case| case.row) {
        let rest = cases.split_off(cases.iter().take_while(|case| case.row == row).count());
        let mut variations = std::mem::replace(&mut cases, rest);
        let last = variations.pop();
        let first = variations.drain(..variations.len().min(1)).collect::<Vec<_>>();
        random.shuffle(&mut variations);
        kept.extend(first.into_iter().chain(variations.into_iter().take(1)).chain(last));
    }
    kept
}

fn expand(n: usize, mut row: Value) -> Vec<Case> {
    let vary = row.as_object_mut().unwrap().remove("vary");
    let axes: Vec<Vec<BTreeMap<String, Value>>> =
        vary.map_or_else(Vec::new, |axes| serde_json::from_value(axes).unwrap());
    let mut combinations = vec![BTreeMap::new()];
    for axis in axes {
        combinations = combinations
            .iter()
            .flat_map(|known| {
                axis.iter().map(move |more| known.clone().into_iter().chain(more.clone()).collect())
            })
            .collect();
    }
    let case = |values: BTreeMap<String, Value>| {
        let mut row = row.clone();
        // Twice: what is put in may have places of its own.
        substitute(&mut row, &values);
        substitute(&mut row, &values);
        row["row"] = n.into();
        let name = row["name"].clone();
        serde_json::from_value(row).unwrap_or_else(|error| panic!("case {name}: {error}"))
    };
    combinations.into_iter().map(case).collect()
}

fn substitute(value: &mut Value, values: &BTreeMap<String, Value>) {
    match value {
        Value::String(text) => {
            for (name, with) in values {
                let place = format!("${{{name}}}");
                if *text == place {
                    *value = with.clone();
                    return;
                }
                let with = with.as_str().map_or_else(|| with.to_string(), str::to_owned);
                *text = text.replace(&place, &with);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| substitute(item, values)),
        Value::Object(members) => members.values_mut().for_each(|item| substitute(item, values)),
        _ => {}
    }
}
