//! The two kinds of wrong: a fault of the world, which the module handles, and a mistake of the module, which ends it.

/// What a call answers when it did not do what was asked. The numbers are those of `Fault` in assembly/board.ts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Fault {
    /// Not now; `events` will say when it is worth asking again.
    Again = -1,
    /// The connection is gone. Only closing is left.
    Closed = -2,
    /// The peer will send nothing more.
    End = -3,
    /// The board can't do this.
    Refused = -4,
    /// The frame that was to come is damaged or incomplete.
    Torn = -5,
    /// There is no such thing.
    Missing = -6,
}

/// What the module must never do, in words for the log. It is stopped with a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mistake(pub &'static str);

/// Why a call did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Fault(Fault),
    Mistake(Mistake),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Refusal::Fault(fault)
    }
}

impl From<Mistake> for Refusal {
    fn from(mistake: Mistake) -> Self {
        Refusal::Mistake(mistake)
    }
}
