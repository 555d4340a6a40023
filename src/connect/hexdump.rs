//! Binary messages for people: offset, bytes, printable characters.

use std::fmt::Write;

const WIDTH: usize = 16;

/// Sixteen bytes a line, each line ended; at most `limit` bytes, and then how many more there are.
pub(super) fn hexdump(bytes: &[u8], limit: usize) -> String {
    let shown = &bytes[..bytes.len().min(limit)];
    let mut out = String::with_capacity(shown.len() * 5);
    for (row, chunk) in shown.chunks(WIDTH).enumerate() {
        // Writing into a String cannot fail.
        let _ = write!(out, "{:08x} ", row * WIDTH);
        for (column, byte) in chunk.iter().enumerate() {
            let gap = if column == WIDTH / 2 { "  " } else { " " };
            let _ = write!(out, "{gap}{byte:02x}");
        }
        let missing = WIDTH - chunk.len();
        let gap = usize::from(chunk.len() <= WIDTH / 2);
        let _ = write!(out, "{:width$}  |", "", width = missing * 3 + gap);
        out.extend(chunk.iter().map(|&byte| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        }));
        out.push_str("|\n");
    }
    if bytes.len() > limit {
        let _ = writeln!(out, "... and {} more bytes (-v shows all)", bytes.len() - limit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_align_whatever_their_length() {
        let bytes: Vec<u8> = (0x3c..0x3c + 26).collect();
        assert_eq!(
            hexdump(&bytes, 100),
            "00000000  3c 3d 3e 3f 40 41 42 43  44 45 46 47 48 49 4a 4b  |<=>?@ABCDEFGHIJK|\n\
             00000010  4c 4d 4e 4f 50 51 52 53  54 55                    |LMNOPQRSTU|\n"
        );
        assert_eq!(
            hexdump(b"\x00\xffhi", 100),
            "00000000  00 ff 68 69                                       |..hi|\n"
        );
        assert_eq!(hexdump(b"", 100), "");
    }

    #[test]
    fn what_is_left_out_is_counted() {
        assert!(hexdump(&[0; 40], 16).ends_with("|\n... and 24 more bytes (-v shows all)\n"));
    }
}
