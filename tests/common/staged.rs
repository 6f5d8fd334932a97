//! A stream through stages of ours into a scripted target.

#![allow(dead_code, reason = "each test binary takes what it needs of this")]

use std::sync::Arc;

use spillway::{page::Pages, stream::Stream, target::Stages};

use crate::common::{Answer, Bell, Feeder, Script};

/// What the test holds of it.
pub(crate) struct Staged {
    pub(crate) stream: Arc<Stream>,
    pub(crate) script: Script,
    pub(crate) bell: Bell,
    pub(crate) feeder: Feeder,
}

impl Staged {
    /// Its target answers by `answers`.
    pub(crate) fn new(stages: Stages, answers: impl IntoIterator<Item = Answer>) -> Self {
        let staged = Self::waiting(stages);
        for answer in answers {
            staged.script.then(answer);
        }
        staged.stream.give(staged.script.target());
        staged
    }

    /// It has no target yet.
    pub(crate) fn waiting(stages: Stages) -> Self {
        let (script, bell) = (Script::default(), Bell::default());
        let stream = Stream::with_stages(stages, Pages::default().take(), bell.listener());
        let feeder = Feeder::new(&stream);
        Self { stream, script, bell, feeder }
    }
}
