//! Addresses of `AF_HYPERV`, which name the `AF_VSOCK` ports of a guest of Hyper-V.
//! <https://learn.microsoft.com/virtualization/hyper-v-on-windows/user-guide/make-integration-service>

pub const FAMILY: u16 = 34;

/// The end of the service IDs of guests' ports. The port's number is the beginning.
const PORT_SUFFIX: &str = "-facb-11e6-bd58-64006a7986d3";

/// Returns the key in `HKEY_LOCAL_MACHINE` by which an administrator allows connections from the
/// host to this port of guests.
pub fn registry_key(port: u32) -> String {
    let services =
        r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\Virtualization\GuestCommunicationServices";
    format!(r"{services}\{}", service_id(port))
}

/// Returns the address (`SOCKADDR_HV`) of a port of the VM with this ID, `None` if the ID is
/// invalid.
pub fn address(vm: &str, port: u32) -> Option<[u8; 36]> {
    let mut bytes = [0; 36];
    bytes[..2].copy_from_slice(&FAMILY.to_ne_bytes());
    bytes[4..20].copy_from_slice(&guid(vm)?);
    bytes[20..].copy_from_slice(&guid(&service_id(port))?);
    Some(bytes)
}

fn service_id(port: u32) -> String {
    format!("{port:08x}{PORT_SUFFIX}")
}

/// Returns a GUID's bytes in memory: the first three numbers are in the processor's byte order.
fn guid(text: &str) -> Option<[u8; 16]> {
    let parts: Vec<&str> = text.split('-').collect();
    if parts.iter().map(|part| part.len()).ne([8, 4, 4, 4, 12]) {
        return None;
    }
    let digits = parts.concat();
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = u128::from_str_radix(&digits, 16).ok()?.to_be_bytes();
    if cfg!(target_endian = "little") {
        bytes[..4].reverse();
        bytes[4..6].reverse();
        bytes[6..8].reverse();
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_layout_that_windows_expects() {
        let address = address("01234567-89AB-cdef-0123-456789abcdef", 22).unwrap();
        let want = [
            &[34, 0, 0, 0][..],
            &[
                0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
                0xcd, 0xef,
            ],
            &[
                0x16, 0, 0, 0, 0xcb, 0xfa, 0xe6, 0x11, 0xbd, 0x58, 0x64, 0x00, 0x6a, 0x79, 0x86,
                0xd3,
            ],
        ];
        assert_eq!(address[..], want.concat());
        assert!(
            registry_key(22)
                .ends_with(r"\GuestCommunicationServices\00000016-facb-11e6-bd58-64006a7986d3")
        );
    }

    #[test]
    fn an_invalid_id_has_no_address() {
        for text in [
            "",
            "x",
            "01234567-89ab-cdef-0123-456789abcde",
            "+1234567-89ab-cdef-0123-456789abcdef",
            "é1234567-89ab-cdef-0123-456789abcde",
        ] {
            assert_eq!(address(text, 22), None, "{text}");
        }
    }
}
