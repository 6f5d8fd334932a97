//! What is done to the bytes of one stream on their way to the file.

use super::{Target, durable::Durable};

/// The stages that a stream is to have, from its options.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// Bytes count as settled when they are on the device.
    pub durable: bool,
}

impl Stages {
    /// Puts the stages around `file`.
    #[must_use]
    pub fn around(&self, file: Box<dyn Target>) -> Box<dyn Target> {
        if self.durable { Box::new(Durable::new(file)) } else { file }
    }
}
