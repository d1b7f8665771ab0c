//! Client frames from the wire (RFC 6455 §5): unmasks, puts fragments together, keeps the rules, never panics.

use std::borrow::Cow;

use super::{close::CloseCode, encode::CONTROL_MAX};

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;

/// What a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// A whole text message.
    Text(String),
    /// A whole binary message; its bytes are of no use to anybody.
    Binary,
    /// A ping and its payload.
    Ping(Vec<u8>),
    /// A pong.
    Pong,
    /// A close frame and its code, if it had one.
    Close(Option<u16>),
}

/// A stream of bytes that becomes messages. Owns memory only while a message is incomplete.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Bytes of a frame that is not whole yet.
    rest: Vec<u8>,
    /// The fragments so far of a message that is not whole yet.
    fragments: Option<Box<Fragments>>,
}

#[derive(Debug)]
struct Fragments {
    text: bool,
    payload: Vec<u8>,
}

struct Header {
    fin: bool,
    opcode: u8,
    mask: [u8; 4],
    begins: usize,
    len: usize,
}

impl Decoder {
    /// Takes in bytes and appends each message that became whole. `limit` bounds a message and each of its frames, in
    /// bytes of payload. After an error the stream is unusable.
    ///
    /// # Errors
    /// The code to close with.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        limit: usize,
        out: &mut Vec<Incoming>,
    ) -> Result<(), CloseCode> {
        let input = if self.rest.is_empty() {
            Cow::Borrowed(bytes)
        } else {
            let mut joined = std::mem::take(&mut self.rest);
            joined.extend_from_slice(bytes);
            Cow::Owned(joined)
        };
        let mut at = 0;
        while let Some(header) = self.header(&input[at..], limit)? {
            let whole = header.begins + header.len;
            let Some(payload) = input[at..].get(header.begins..whole) else {
                break;
            };
            let payload = unmasked(payload, header.mask);
            self.frame(&header, payload, out)?;
            at += whole;
        }
        if at < input.len() {
            self.rest = match input {
                Cow::Borrowed(bytes) => bytes[at..].to_vec(),
                Cow::Owned(mut joined) => {
                    joined.drain(..at);
                    joined
                }
            };
        }
        Ok(())
    }

    fn header(&self, input: &[u8], limit: usize) -> Result<Option<Header>, CloseCode> {
        let [first, second, ..] = *input else {
            return Ok(None);
        };
        let (fin, opcode) = (first & FIN != 0, first & OPCODE);
        let known = matches!(opcode, 0x0..=0x2 | 0x8..=0xA);
        let continues = opcode == 0;
        if first & RESERVED != 0 || second & MASKED == 0 || !known {
            return Err(CloseCode::Protocol);
        }
        let short = second & !MASKED;
        let is_control = opcode & 0x8 != 0;
        if is_control && (!fin || usize::from(short) > CONTROL_MAX) {
            return Err(CloseCode::Protocol);
        }
        if !is_control && continues != self.fragments.is_some() {
            return Err(CloseCode::Protocol);
        }
        let extended = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(length) = input.get(2..2 + extended) else {
            return Ok(None);
        };
        let len = if extended == 0 {
            u64::from(short)
        } else {
            length.iter().fold(0, |len, &byte| len << 8 | u64::from(byte))
        };
        let so_far = match &self.fragments {
            Some(fragments) if !is_control => fragments.payload.len(),
            _ => 0,
        };
        let len = usize::try_from(len)
            .ok()
            .filter(|&len| len <= limit.saturating_sub(so_far) || is_control)
            .ok_or(CloseCode::TooBig)?;
        let Some(&[a, b, c, d]) = input.get(2 + extended..6 + extended) else {
            return Ok(None);
        };
        Ok(Some(Header {
            fin,
            opcode,
            mask: [a, b, c, d],
            begins: 6 + extended,
            len,
        }))
    }

    fn frame(&mut self, header: &Header, payload: Vec<u8>, out: &mut Vec<Incoming>) -> Result<(), CloseCode> {
        match header.opcode {
            0x8 => out.push(Incoming::Close(close_code(&payload)?)),
            0x9 => out.push(Incoming::Ping(payload)),
            0xA => out.push(Incoming::Pong),
            opcode => {
                let (text, payload) = match self.fragments.take() {
                    Some(mut fragments) => {
                        fragments.payload.extend_from_slice(&payload);
                        (fragments.text, fragments.payload)
                    }
                    None => (opcode == 0x1, payload),
                };
                if header.fin {
                    out.push(whole(text, payload)?);
                } else {
                    self.fragments = Some(Box::new(Fragments { text, payload }));
                }
            }
        }
        Ok(())
    }
}

fn whole(text: bool, payload: Vec<u8>) -> Result<Incoming, CloseCode> {
    if !text {
        return Ok(Incoming::Binary);
    }
    String::from_utf8(payload)
        .map(Incoming::Text)
        .map_err(|_| CloseCode::NotUtf8)
}

fn unmasked(payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    payload
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
        .collect()
}

fn close_code(payload: &[u8]) -> Result<Option<u16>, CloseCode> {
    match *payload {
        [] => Ok(None),
        [high, low, ref reason @ ..] => {
            let code = u16::from_be_bytes([high, low]);
            let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            if allowed && std::str::from_utf8(reason).is_ok() {
                Ok(Some(code))
            } else {
                Err(CloseCode::Protocol)
            }
        }
        _ => Err(CloseCode::Protocol),
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
