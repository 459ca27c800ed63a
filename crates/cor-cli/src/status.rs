//! The exit statuses of `cor`.

/// Everything was done.
pub(crate) const DONE: u8 = 0;
/// Some rows failed, or COR refused them or the single call.
pub(crate) const REFUSED: u8 = 1;
/// The arguments, the input or the configuration cannot work.
pub(crate) const USAGE: u8 = 2;
/// COR did not accept the credentials, or they lack a right.
pub(crate) const UNAUTHORISED: u8 = 3;
/// COR could not be reached or gave no usable answer, or the run ended early.
pub(crate) const UNREACHED: u8 = 4;
/// The state file is in use, damaged, of another version, or cannot be written.
pub(crate) const STATE: u8 = 5;
