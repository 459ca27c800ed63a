//! The body of a response, collected from the pieces that arrive.

use bytes::{Bytes, BytesMut};

/// The pieces so far, of at most a number of bytes.
pub(super) struct Collected {
    most: usize,
    /// The first piece, while it is the only one: most responses are one piece, which is not copied.
    first: Bytes,
    joined: BytesMut,
}

/// The pieces are larger than the client accepts.
pub(super) struct TooLarge;

impl Collected {
    pub(super) fn new(most: usize) -> Collected {
        Collected { most, first: Bytes::new(), joined: BytesMut::new() }
    }

    pub(super) fn push(&mut self, piece: Bytes) -> Result<(), TooLarge> {
        if self.first.len() + self.joined.len() + piece.len() > self.most {
            return Err(TooLarge);
        }
        if self.first.is_empty() && self.joined.is_empty() {
            self.first = piece;
        } else {
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
            self.joined.extend_from_slice(&piece);
        }
        Ok(())
    }

    pub(super) fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}
