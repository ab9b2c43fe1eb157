//! The blocks of a PEM text, found where OpenSSL finds them and also where it does not: after a byte-order mark, indented, or on
//! the line of the block before. A block that begins and cannot be read is found, so that an error can name it.

use rustls_pki_types::pem::{PemObject as _, SectionKind};
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// One block: the text between its BEGIN and the END with the same label.
pub(super) struct Block<'a> {
    label: &'a [u8],
    /// `None` where another END, or none, follows.
    body: Option<&'a [u8]>,
}

impl<'a> Block<'a> {
    /// The block whose label is at the start of the text.
    fn read(text: &'a [u8]) -> Option<Self> {
        let (label, text) = split(text, DASHES)?;
        let label = label.trim_ascii();
        let at = find(text, DASHES)?;
        let (body, end) = text.split_at(at);
        let closed = end.strip_prefix(END).and_then(|end| split(end, DASHES));
        let body = closed.filter(|(closing, _)| closing.trim_ascii() == label).map(|_| body);
        Some(Self { label, body })
    }

    /// Whether it has one of these labels.
    pub(super) fn is_one_of(&self, labels: &[&str]) -> bool {
        labels.iter().any(|label| label.as_bytes() == self.label)
    }

    /// The content, decoded in constant time: it may be a key.
    pub(super) fn decode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let framed = [b"-----BEGIN PRIVATE KEY-----\n", self.body?, b"\n-----END PRIVATE KEY-----\n"];
        let framed = Zeroizing::new(framed.concat());
        let (_, der) = <(SectionKind, Vec<u8>)>::from_pem_slice(&framed).ok()?;
        Some(Zeroizing::new(der))
    }
}

/// Every block, in order.
pub(super) fn blocks(text: &[u8]) -> impl Iterator<Item = Block<'_>> {
    after_each(text, BEGIN).filter_map(Block::read)
}

/// How often a block with one of these labels begins, or was meant to: dashes and blanks may be wrong.
pub(super) fn begun(text: &[u8], labels: &[&str]) -> usize {
    let is_meant = |rest: &[u8]| {
        let rest = rest.trim_ascii_start();
        let after = |label: &&str| rest.strip_prefix(label.as_bytes()).map(<[u8]>::trim_ascii_start);
        labels.iter().filter_map(after).any(|rest| rest.starts_with(b"--"))
    };
    after_each(text, b"BEGIN ").filter(|rest| is_meant(rest)).count()
}

/// What follows each occurrence of the mark.
fn after_each<'a>(text: &'a [u8], mark: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = split(rest, mark)?.1;
        Some(rest)
    })
}

/// The text before the first occurrence of the mark, and the text after it.
fn split<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(text, mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

fn find(text: &[u8], mark: &[u8]) -> Option<usize> {
    text.windows(mark.len()).position(|bytes| bytes == mark)
}
