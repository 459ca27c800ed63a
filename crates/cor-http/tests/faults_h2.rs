//! The table of faults over HTTP/2, and the table of those that only HTTP/2 has: a process of its own, as the memory it
//! takes is measured.

mod common;

use common::faults;
use cor_fault_peer::cases::Way;

#[test]
fn every_fault_has_outcome_of_table_over_http2() {
    faults::every_fault_has_outcome_of_table(Way::Http2);
}
