//! RFC 7692 7.1.2: a peer with a window of N bits must be able to follow every back-reference.
//!
//! The decoder below reads DEFLATE (RFC 1951) just far enough to tell the largest distance in it.

use crate::wire::Role;
use crate::wire::deflate::{DeflateParams, Deflater, WindowBits};

/// The largest distance of any back-reference in raw DEFLATE data that ends at a byte boundary.
fn largest_distance(data: &[u8]) -> usize {
    let mut bits = Bits { data, at: 0 };
    let mut largest = 0;
    // Fewer than eight bits left are the padding of the last byte.
    while bits.at + 10 <= data.len() * 8 {
        bits.take(1);
        match bits.take(2) {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                if bits.at + 32 > data.len() * 8 {
                    break;
                }
                let length = bits.take(16);
                bits.take(16);
                bits.at += length * 8;
            }
            1 => largest = largest.max(block(&mut bits, &fixed_literals(), &Codes::new(&[5; 30]))),
            2 => {
                let (literals, distances) = dynamic_codes(&mut bits);
                largest = largest.max(block(&mut bits, &literals, &distances));
            }
            other => panic!("block type {other}"),
        }
    }
    largest
}

fn block(bits: &mut Bits<'_>, literals: &Codes, distances: &Codes) -> usize {
    const LENGTH_EXTRA: [usize; 29] = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ];
    let mut largest = 0;
    loop {
        match literals.read(bits) {
            0..=255 => {}
            256 => return largest,
            symbol => {
                bits.take(LENGTH_EXTRA[symbol - 257]);
                let symbol = distances.read(bits);
                let distance = if symbol < 4 {
                    symbol + 1
                } else {
                    let extra = symbol / 2 - 1;
                    ((2 + symbol % 2) << extra) + 1 + bits.take(extra)
                };
                largest = largest.max(distance);
            }
        }
    }
}

fn fixed_literals() -> Codes {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    Codes::new(&lengths)
}

fn dynamic_codes(bits: &mut Bits<'_>) -> (Codes, Codes) {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances, count) = (bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4);
    let mut code_lengths = [0; 19];
    for &at in &ORDER[..count] {
        code_lengths[at] = bits.take(3);
    }
    let codes = Codes::new(&code_lengths);
    let mut lengths = Vec::new();
    while lengths.len() < literals + distances {
        match codes.read(bits) {
            16 => {
                let last = *lengths.last().unwrap();
                lengths.extend(vec![last; 3 + bits.take(2)]);
            }
            17 => lengths.extend(vec![0; 3 + bits.take(3)]),
            18 => lengths.extend(vec![0; 11 + bits.take(7)]),
            length => lengths.push(length),
        }
    }
    (Codes::new(&lengths[..literals]), Codes::new(&lengths[literals..]))
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> usize {
        (0..count).fold(0, |value, n| {
            let bit = self.data[self.at / 8] >> (self.at % 8) & 1;
            self.at += 1;
            value | usize::from(bit) << n
        })
    }
}

/// Canonical Huffman codes: symbols in order of code, and how many codes each length has (RFC 1951 3.2.2).
struct Codes {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Codes {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0; 16];
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|&symbol| lengths[symbol] > 0).collect();
        symbols.sort_by_key(|&symbol| lengths[symbol]);
        for &symbol in &symbols {
            counts[lengths[symbol]] += 1;
        }
        Self { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> usize {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for &count in &self.counts[1..] {
            code |= bits.take(1);
            if code < first + count {
                return self.symbols[index + code - first];
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        panic!("no such code");
    }
}

/// Text whose pieces recur at every distance up to `2 * window`, and then some noise.
fn recurring(window: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize
    };
    let mut text: Vec<u8> = (0..window).map(|_| random() as u8).collect();
    while text.len() < window * 8 {
        let distance = 1 + random() % (2 * window).min(text.len());
        let length = 3 + random() % 60;
        let start = text.len() - distance;
        for at in 0..length {
            text.push(text[start + at]);
        }
        text.push(random() as u8);
    }
    text
}

#[test]
fn the_test_decoder_sees_distances() {
    // "aaaaaaaaaa" as a literal and a match of distance 1; "Hello" without a match; RFC 7692 7.2.3.2: distance 5.
    assert_eq!(largest_distance(&[0x4a, 0x84, 0x01, 0x00]), 1);
    assert_eq!(largest_distance(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), 0);
    assert_eq!(largest_distance(&[0xf2, 0x00, 0x11, 0x00, 0x00]), 5);
}

#[test]
fn rfc7692_7_1_2_no_distance_exceeds_the_window_at_any_level() {
    for bits in 8..=15 {
        let window = WindowBits::new(bits).unwrap();
        let text = recurring(1 << bits);
        let mut seen = 0;
        for level in 0..=9 {
            let params = DeflateParams {
                client_max_window_bits: window,
                ..DeflateParams::default()
            };
            let mut deflater = Deflater::new(&params, Role::Client, level);
            let mut largest = 0;
            // Several messages, so that references across messages count as well.
            for message in text.chunks(text.len() / 3) {
                let mut out = Vec::new();
                deflater.deflate(message, &mut out);
                largest = largest.max(largest_distance(&out));
            }
            assert!(
                largest <= 1 << bits,
                "{bits} bits, level {level}: distance {largest}"
            );
            seen = seen.max(largest);
        }
        // zlib stays 262 bytes below its window; a test text without far references would prove nothing.
        let reachable = (1 << bits.max(9)) - 262;
        assert!(
            seen > reachable * 9 / 10,
            "{bits} bits: only up to {seen} of {reachable}"
        );
    }
}
