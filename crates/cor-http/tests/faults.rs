//! The table of faults, straight from the client to the peer.

mod common;

use common::faults;
use cor_fault_peer::cases::Way;

#[test]
fn every_fault_ends_as_it_should() {
    faults::every_fault_ends_as_it_should(Way::Straight);
}
