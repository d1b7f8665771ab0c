//! A message that is not whole yet: its bytes so far, checked as they come.

use crate::Close;

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) text: bool,
    pub(crate) compressed: bool,
    payload: Vec<u8>,
    /// How much of the payload is known to be UTF-8.
    valid: usize,
}

impl Message {
    pub(crate) fn new(text: bool, compressed: bool) -> Self {
        Self {
            text,
            compressed,
            payload: Vec::new(),
            valid: 0,
        }
    }

    /// How many bytes there are so far.
    pub(crate) fn len(&self) -> usize {
        self.payload.len()
    }

    /// How many bytes of memory it owns.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.payload.capacity()
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Takes in what follows. The memory grows with what came, not with what was announced, and never beyond `most` bytes.
    pub(crate) fn push(&mut self, bytes: &[u8], most: usize) {
        let needed = self.payload.len() + bytes.len();
        if needed > self.payload.capacity() {
            let wanted = needed.max(self.payload.capacity() * 2).min(most).max(needed);
            self.payload.reserve_exact(wanted - self.payload.len());
        }
        self.payload.extend_from_slice(bytes);
    }

    /// Looks at what came since the last look: text that can't become UTF-8 any more ends the stream at once.
    ///
    /// # Errors
    /// [`Close::NotUtf8`].
    pub(crate) fn check(&mut self) -> Result<(), Close> {
        if !self.text || self.compressed {
            return Ok(());
        }
        match std::str::from_utf8(&self.payload[self.valid..]) {
            Ok(text) => self.valid += text.len(),
            // Cut within a character: the rest may still come.
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(Close::NotUtf8),
        }
        Ok(())
    }
}
