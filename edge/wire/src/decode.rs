//! Client frames from the wire (RFC 6455 §5): unmasks, puts fragments together, keeps the rules, never panics.

use crate::{
    Close, deflate,
    header::{self, Allowed, Header, Opcode},
    inflate::inflated,
    mask::{self, unmask},
    message::Message,
};

/// What a client said. It lies in the buffer that was fed, and is gone after the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping and its payload, up to [`CONTROL_MAX`](crate::encode::CONTROL_MAX) bytes.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// A close frame and its code, if it had one. Nothing comes after it.
    Close(Option<u16>),
}

/// What a client may ask of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a message, all fragments together, and decompressed where it was compressed.
    pub message_bytes: usize,
}

/// A stream of bytes that becomes messages. Owns memory only while a message is incomplete.
#[derive(Debug, Default)]
pub struct Decoder {
    partial: Option<Box<Partial>>,
    deflate: bool,
    /// Whether a close frame or an error was the last that counted.
    ended: bool,
}

/// What is not whole yet.
#[derive(Debug, Default)]
struct Partial {
    /// The first bytes of a header.
    header: [u8; header::MAX],
    /// How many of them there are.
    header_len: usize,
    frame: Option<Frame>,
    /// The payload so far of a frame of control.
    control: Vec<u8>,
    message: Option<Message>,
}

/// A frame whose payload is not whole yet.
#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    mask: [u8; 4],
    /// Bytes of payload that have yet to come.
    left: usize,
}

impl Decoder {
    /// A stream without an extension.
    pub fn new() -> Self {
        Self::default()
    }

    /// A stream on which compression was agreed (see [`deflate::negotiate`]).
    pub fn with_deflate() -> Self {
        Self {
            deflate: true,
            ..Self::default()
        }
    }

    /// Takes in bytes, which are unmasked where they lie, and tells each message that became whole, in order. After a close
    /// frame or an error all that follows is dropped.
    ///
    /// # Errors
    /// As soon as the bytes that have come can't become a message.
    pub fn feed(
        &mut self,
        bytes: &mut [u8],
        limits: Limits,
        sink: &mut impl FnMut(Incoming<'_>),
    ) -> Result<(), Close> {
        let taken = self.take_in(bytes, limits, sink);
        if taken.is_err() {
            self.end();
        }
        taken
    }

    /// Whether an incomplete message is kept.
    pub fn is_partial(&self) -> bool {
        self.partial.is_some()
    }

    fn take_in(
        &mut self,
        mut bytes: &mut [u8],
        limits: Limits,
        sink: &mut impl FnMut(Incoming<'_>),
    ) -> Result<(), Close> {
        while !bytes.is_empty() && !self.ended {
            let open = self.partial.as_ref().and_then(|partial| partial.frame);
            bytes = if let Some(frame) = open {
                self.go_on(frame, bytes, limits, sink)?
            } else if let Some((header, taken)) = self.header(bytes, limits)? {
                self.begin(&header, &mut bytes[taken..], limits, sink)?
            } else {
                break;
            };
        }
        if self.partial.as_ref().is_some_and(|partial| partial.is_idle()) {
            self.partial = None;
        }
        Ok(())
    }

    /// Reads the next header, and tells how many of `bytes` it took. Keeps them where it is not whole.
    fn header(&mut self, bytes: &[u8], limits: Limits) -> Result<Option<(Header, usize)>, Close> {
        if self
            .partial
            .as_ref()
            .is_none_or(|partial| partial.header_len == 0)
            && let Some(header) = Header::read(bytes, self.allowed(limits))?
        {
            return Ok(Some((header, header.size)));
        }
        self.cut_header(bytes, limits)
    }

    /// As [`Decoder::header`], for one that comes in pieces.
    #[cold]
    fn cut_header(&mut self, bytes: &[u8], limits: Limits) -> Result<Option<(Header, usize)>, Close> {
        let allowed = self.allowed(limits);
        let partial = self.partial();
        let kept = partial.header_len;
        let fits = bytes.len().min(header::MAX - kept);
        partial.header[kept..kept + fits].copy_from_slice(&bytes[..fits]);
        partial.header_len = kept + fits;
        let Some(header) = Header::read(&partial.header[..kept + fits], allowed)? else {
            return Ok(None);
        };
        partial.header_len = 0;
        Ok(Some((header, header.size - kept)))
    }

    fn allowed(&self, limits: Limits) -> Allowed {
        let compressed_bytes = deflate::longest(limits.message_bytes);
        let message = self.partial.as_ref().and_then(|partial| partial.message.as_ref());
        let plain_bytes = match message {
            None => limits.message_bytes,
            Some(message) if message.compressed => compressed_bytes.saturating_sub(message.len()),
            Some(message) => limits.message_bytes.saturating_sub(message.len()),
        };
        Allowed {
            continuation: message.is_some(),
            compressed: self.deflate,
            plain_bytes,
            compressed_bytes,
        }
    }

    /// Takes the payload of a new frame from the front of `bytes`, as far as it is there, and tells what is behind it.
    fn begin<'b>(
        &mut self,
        header: &Header,
        bytes: &'b mut [u8],
        limits: Limits,
        sink: &mut impl FnMut(Incoming<'_>),
    ) -> Result<&'b mut [u8], Close> {
        let opcode = header.opcode;
        let text = opcode == Opcode::Text;
        let begins = text || opcode == Opcode::Binary;
        let is_whole = header.len <= bytes.len();
        if is_whole && (opcode.is_control() || begins && header.fin) {
            let (payload, rest) = bytes.split_at_mut(header.len);
            unmask(payload, header.mask);
            if opcode.is_control() {
                self.control(opcode, payload, sink)?;
            } else {
                deliver(text, header.compressed, payload, limits, sink)?;
            }
            return Ok(rest);
        }
        if begins {
            self.partial().message = Some(Message::new(text, header.compressed));
        }
        let frame = Frame {
            opcode,
            fin: header.fin,
            mask: header.mask,
            left: header.len,
        };
        self.go_on(frame, bytes, limits, sink)
    }

    /// Takes more of a frame's payload from the front of `bytes`, and tells what is behind it.
    fn go_on<'b>(
        &mut self,
        mut frame: Frame,
        bytes: &'b mut [u8],
        limits: Limits,
        sink: &mut impl FnMut(Incoming<'_>),
    ) -> Result<&'b mut [u8], Close> {
        let (payload, rest) = bytes.split_at_mut(frame.left.min(bytes.len()));
        unmask(payload, frame.mask);
        frame.left -= payload.len();
        frame.mask = mask::after(frame.mask, payload.len());

        let partial = self.partial();
        partial.frame = (frame.left > 0).then_some(frame);
        if frame.opcode.is_control() {
            partial.control.extend_from_slice(payload);
            if frame.left == 0 {
                let payload = std::mem::take(&mut partial.control);
                self.control(frame.opcode, &payload, sink)?;
            }
        } else if let Some(mut message) = partial.message.take() {
            message.push(payload, limits.message_bytes);
            if frame.left == 0 && frame.fin {
                deliver(message.text, message.compressed, message.payload(), limits, sink)?;
            } else {
                message.check()?;
                partial.message = Some(message);
            }
        }
        Ok(rest)
    }

    fn control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        sink: &mut impl FnMut(Incoming<'_>),
    ) -> Result<(), Close> {
        match opcode {
            Opcode::Close => {
                let code = close_code(payload)?;
                self.end();
                sink(Incoming::Close(code));
            }
            Opcode::Ping => sink(Incoming::Ping(payload)),
            _ => sink(Incoming::Pong),
        }
        Ok(())
    }

    fn partial(&mut self) -> &mut Partial {
        self.partial.get_or_insert_default()
    }

    fn end(&mut self) {
        self.ended = true;
        self.partial = None;
    }
}

impl Partial {
    fn is_idle(&self) -> bool {
        self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }
}

/// Tells of a whole message.
fn deliver(
    text: bool,
    compressed: bool,
    payload: &[u8],
    limits: Limits,
    sink: &mut impl FnMut(Incoming<'_>),
) -> Result<(), Close> {
    let mut tell = |payload: &[u8]| {
        if text {
            let text = std::str::from_utf8(payload).map_err(|_| Close::NotUtf8)?;
            sink(Incoming::Text(text));
        } else {
            sink(Incoming::Binary(payload));
        }
        Ok(())
    };
    if compressed {
        inflated(payload, limits.message_bytes, tell)
    } else {
        tell(payload)
    }
}

fn close_code(payload: &[u8]) -> Result<Option<u16>, Close> {
    match *payload {
        [] => Ok(None),
        [high, low, ref reason @ ..] => {
            let code = u16::from_be_bytes([high, low]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(Close::Protocol);
            }
            std::str::from_utf8(reason).map_err(|_| Close::NotUtf8)?;
            Ok(Some(code))
        }
        [_] => Err(Close::Protocol),
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
