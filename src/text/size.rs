//! Sizes in bytes, as people read and write them.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid size `{0}`: expected bytes, or a number with K, M, G or T (powers of 1024), for example 512M or 1.5G"
)]
pub struct InvalidSize(String);

/// Parses `20G`, `512MiB`, `1.5g` or `1048576`: positive bytes, with suffixes that mean powers of
/// 1024.
pub fn parse_size(text: &str) -> Result<u64, InvalidSize> {
    let invalid = || InvalidSize(text.to_owned());
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let shift = match suffix.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(invalid()),
    };
    let bytes = if let Ok(whole) = number.parse::<u64>() {
        whole.checked_mul(1 << shift).ok_or_else(invalid)?
    } else {
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(invalid());
        }
        let bytes = number.parse::<f64>().map_err(|_| invalid())? * (1u64 << shift) as f64;
        if bytes >= u64::MAX as f64 {
            return Err(invalid());
        }
        bytes as u64
    };
    if bytes == 0 {
        Err(invalid())
    } else {
        Ok(bytes)
    }
}

/// Formats bytes in the largest unit that fits, with up to three digits: `10.7 GiB`.
pub fn format_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.5 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 99.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_with_and_without_a_unit_are_parsed() {
        for (text, want) in [
            ("1", 1),
            ("1048576", 1 << 20),
            ("512M", 512 << 20),
            ("512MiB", 512 << 20),
            ("20g", 20 << 30),
            ("1.5G", 3 << 29),
            ("2T", 2 << 40),
            ("7kb", 7 << 10),
        ] {
            assert_eq!(parse_size(text), Ok(want), "{text}");
        }
        for text in [
            "",
            "0",
            "-1",
            "G",
            "1 G",
            "1X",
            ".5G",
            "1e3",
            "18446744073709551616",
            "99999999T",
            "1.2.3G",
            "NaN",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_has_the_largest_unit_that_fits() {
        for (bytes, want) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (150 << 20, "150 MiB"),
            (1 << 30, "1.0 GiB"),
            ((1 << 30) - 1, "1.0 GiB"),
        ] {
            assert_eq!(format_size(bytes), want);
        }
    }
}
