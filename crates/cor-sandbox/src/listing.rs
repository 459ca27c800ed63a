//! Lists of the main API: what they are of, and the projects of the last few, eight bytes each, so that a later page is a slice and
//! not another pass over the store.

use std::sync::Arc;

/// Lists that are kept; one more replaces the one that was used longest ago.
const KEPT: usize = 4;

/// What a list is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    Filtered(Filter),
    /// Projects whose name holds this text, whatever its case.
    Named(String),
}

/// The documented filters of a list. One that is not set lets every project through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) date_start: Option<String>,
    pub(crate) date_end: Option<String>,
    pub(crate) client_id: Option<i64>,
    pub(crate) brand_id: Option<i64>,
    pub(crate) product_id: Option<i64>,
    pub(crate) status: Option<String>,
    pub(crate) archived: Option<bool>,
    /// Asks for what the sandbox does not store: teams, their members, health. No project has it.
    pub(crate) finds_nothing: bool,
}

/// Moves with everything that may change a list.
pub(crate) type Version = (i64, i64);

#[derive(Debug)]
struct Listing {
    selection: Selection,
    version: Version,
    cor_ids: Arc<[i64]>,
}

/// The lists that are kept, the latest used last.
#[derive(Debug, Default)]
pub(crate) struct Listings(Vec<Listing>);

impl Listings {
    /// COR's numbers of the projects of a list, if it has not changed since it was kept.
    pub(crate) fn find(&mut self, selection: &Selection, version: Version) -> Option<Arc<[i64]>> {
        let position = self.0.iter().position(|listing| listing.selection == *selection)?;
        let listing = self.0.remove(position);
        let cor_ids = Arc::clone(&listing.cor_ids);
        (listing.version == version).then(|| {
            self.0.push(listing);
            cor_ids
        })
    }

    pub(crate) fn keep(&mut self, selection: Selection, version: Version, cor_ids: Arc<[i64]>) {
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        self.0.push(Listing { selection, version, cor_ids });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_latest_lists_of_their_version() {
        let mut listings = Listings::default();
        let named = |name: &str| Selection::Named(name.to_owned());
        for name in ["a", "b", "c", "d"] {
            listings.keep(named(name), (1, 1), vec![1].into());
        }
        assert!(listings.find(&named("a"), (1, 1)).is_some());
        listings.keep(named("e"), (1, 1), vec![2].into());
        assert_eq!(listings.find(&named("b"), (1, 1)), None, "it was used longest ago");
        assert_eq!(listings.find(&named("e"), (1, 1)).as_deref(), Some(&[2][..]));
        assert_eq!(listings.find(&named("a"), (2, 1)), None);
        assert_eq!(listings.0.len(), 3, "an outdated list is not kept");
    }
}
