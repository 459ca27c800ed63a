//! What a peer does on an HTTP/2 connection, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Answer;

/// One HTTP/2 connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http2 {
    /// The setting of this name. Default: not sent, which means without a limit.
    pub max_concurrent_streams: Option<u32>,
    /// The bytes of a request's body that may come on a stream before the peer reads it. Default: not sent, which
    /// means 65,535.
    pub initial_window: Option<u32>,
    /// Never opens a window again: no more of a body comes than the initial windows allow.
    pub starve: bool,
    /// Sends no SETTINGS frame and acknowledges none: what a server does that does not speak HTTP/2.
    pub no_settings: bool,
    /// What it does as soon as the connection is made, while streams already are served.
    pub opening: Vec<StreamStep>,
    /// The steps of each stream, in the order in which they come; the last serves all that come after.
    pub streams: Vec<Vec<StreamStep>>,
}

/// One thing that a peer does on a stream. After the last one the stream stays open.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamStep {
    /// Reads the request to its end. Before that step no window is opened for its body.
    ReadRequest,
    /// Reads the request's headers. Every stream begins with them.
    ReadHead,
    /// An answer with its length and END_STREAM. It keeps to the client's windows.
    Answer(Answer),
    /// HEADERS alone.
    Head(Head),
    Data(Data),
    /// DATA frames of one byte each; the last one ends the stream.
    Drip {
        text: String,
        every_ms: u64,
    },
    /// HEADERS that end the stream.
    Trailers(BTreeMap<String, String>),
    /// Answers before the answer.
    Interim(Interim),
    /// RST_STREAM.
    ResetStream(Code),
    Goaway(Goaway),
    /// A frame as it is spelled.
    Frame(Frame),
    /// Bytes that are no frame.
    Send(String),
    /// As `send`, in base64.
    SendBytes(String),
    Flood(Flood),
    DelayMs(u64),
    /// Ends the connection with a TCP reset.
    Reset,
    /// Ends the connection without a word.
    Close,
    /// Says that nothing more will be sent on the connection, and listens on.
    HalfClose,
    /// Says nothing more on this stream.
    Silence,
    /// Reads nothing more from the connection, until the other side has left.
    Deaf,
}

/// Error codes of RFC 9113, section 7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum Code {
    #[default]
    NoError = 0,
    ProtocolError = 1,
    InternalError = 2,
    FlowControlError = 3,
    SettingsTimeout = 4,
    StreamClosed = 5,
    FrameSizeError = 6,
    RefusedStream = 7,
    Cancel = 8,
    CompressionError = 9,
    ConnectError = 10,
    EnhanceYourCalm = 11,
    InadequateSecurity = 12,
    #[serde(rename = "http_1_1_required")]
    Http11Required = 13,
    /// A code that no standard knows.
    Unknown = 0xbeef,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Head {
    /// 0 stands for 200.
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// Further headers: how many, and the bytes of each one's value.
    pub padding: Option<(usize, usize)>,
    pub end_stream: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    pub text: String,
    /// How often; `endless` needs none. Default: once.
    pub times: Option<u64>,
    /// For as long as the other side listens.
    pub endless: bool,
    /// Does not keep to the client's windows.
    pub ignore_windows: bool,
    pub end_stream: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interim {
    pub status: u16,
    /// Without a number: for as long as the other side listens.
    pub times: Option<u64>,
}

/// GOAWAY.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Goaway {
    pub code: Code,
    pub last: LastStream,
}

/// The last stream that is or will be processed, as GOAWAY says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastStream {
    /// The stream of this step.
    #[default]
    This,
    /// The stream before it: this one is not processed.
    Below,
    /// The highest number there is, which announces the end without one.
    Max,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    pub kind: u8,
    #[serde(default)]
    pub flags: u8,
    #[serde(default)]
    pub stream: Target,
    /// The payload, in base64.
    #[serde(default)]
    pub base64: String,
}

/// The stream that a frame names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    #[default]
    This,
    Connection,
    /// One that the client has not opened.
    Idle,
    /// One of the server's.
    Own,
}

/// The same frame over and over.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flood {
    pub what: Flooding,
    /// Without a number: for as long as the other side listens.
    pub times: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flooding {
    Ping,
    Settings,
    ResetStream,
    WindowUpdate,
    Priority,
    /// DATA without a byte.
    EmptyData,
    /// A header block that never ends.
    Continuation,
    PushPromise,
    /// Frames of a type that no standard knows.
    Unknown,
}
