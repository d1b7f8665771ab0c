//! The work that is counted. A new piece is a function that does it so many times, in a file of its own, and a line here.

mod decode;
mod encode;
mod publish;

/// A piece of the hot path.
pub(crate) struct Work {
    /// What it is called here and in the committed numbers: for good.
    pub(crate) name: &'static str,
    /// How many rounds are counted: so many that a round's share of anything rare is about what it is in production.
    pub(crate) rounds: u64,
    /// Sets up, and does it so many times.
    pub(crate) run: fn(u64),
}

/// All of it, in the order of the table.
pub(crate) const ALL: &[Work] = &[
    Work {
        name: "decode: a text frame of 120 bytes",
        rounds: 1000,
        run: decode::frame,
    },
    Work {
        name: "decode: a text frame of 120 bytes, cut in two",
        rounds: 1000,
        run: decode::cut_frame,
    },
    Work {
        name: "decode: a read of 16 KiB full of them",
        rounds: 100,
        run: decode::full_read,
    },
    Work {
        name: "decode: a message of 64 KiB in reads of 1 KiB",
        rounds: 20,
        run: decode::large_message,
    },
    Work {
        name: "encode: a text frame of 250 bytes",
        rounds: 1000,
        run: encode::frame,
    },
    Work {
        name: "encode: the same into a batch",
        rounds: 1000,
        run: encode::into_batch,
    },
    Work {
        name: "publish: a message of 250 bytes to a room of 1,000",
        rounds: 20,
        run: publish::plain,
    },
    Work {
        name: "publish: one of 400 bytes, to half of them compressed",
        rounds: 20,
        run: publish::half_compressed,
    },
];
