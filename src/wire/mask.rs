//! Masking (RFC 6455 5.3), in wide words.

/// The four bytes that a client's payload is XORed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MaskKey(pub [u8; 4]);

impl MaskKey {
    /// The key as it applies from payload offset `offset` on.
    #[must_use]
    pub const fn at(self, offset: u64) -> Self {
        let [a, b, c, d] = self.0;
        Self(match offset % 4 {
            0 => [a, b, c, d],
            1 => [b, c, d, a],
            2 => [c, d, a, b],
            _ => [d, a, b, c],
        })
    }
}

impl From<u32> for MaskKey {
    fn from(bits: u32) -> Self {
        Self(bits.to_ne_bytes())
    }
}

/// Masks or unmasks `bytes` in place; `key` applies from its first byte ([`MaskKey::at`] for a later part of a payload).
pub fn apply_mask(bytes: &mut [u8], key: MaskKey) {
    let MaskKey([a, b, c, d]) = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in tail.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6455_5_7_masked_hello() {
        let mut hello = *b"Hello";
        apply_mask(&mut hello, MaskKey([0x37, 0xfa, 0x21, 0x3d]));
        assert_eq!(hello, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn every_length_and_every_split_agrees_with_the_definition() {
        let key = MaskKey([1, 2, 4, 8]);
        for len in 0..70_usize {
            let plain: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let expected: Vec<u8> = plain
                .iter()
                .enumerate()
                .map(|(i, byte)| byte ^ key.0[i % 4])
                .collect();
            for split in 0..=len {
                let mut masked = plain.clone();
                let (head, tail) = masked.split_at_mut(split);
                apply_mask(head, key);
                apply_mask(tail, key.at(split as u64));
                assert_eq!(masked, expected, "length {len}, split at {split}");
            }
        }
    }
}
