//! The table of faults, through a proxy: a process of its own, as the memory it takes is measured.

mod common;

use common::faults;
use cor_fault_peer::cases::Way;

#[test]
fn every_fault_has_outcome_of_table_through_proxy() {
    faults::every_fault_has_outcome_of_table(Way::Proxied);
}
