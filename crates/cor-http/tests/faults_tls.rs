//! The table of faults with TLS and HTTP/1.1: a process of its own, as the memory it takes is measured.

mod common;

use common::faults;
use cor_fault_peer::cases::Way;

#[test]
fn every_fault_has_outcome_of_table_with_tls() {
    faults::every_fault_has_outcome_of_table(Way::Tls);
}
