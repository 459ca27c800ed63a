//! The table of faults, straight from the client to the peer.

mod common;

use common::faults;
use cor_fault_peer::cases::Way;

#[test]
fn every_fault_has_outcome_of_table() {
    faults::every_fault_has_outcome_of_table(Way::Straight);
}
