//! A disk image in QEMU's format qcow2, streamed from a raw one: its size is known before the first
//! byte, so that an archive can contain it without a copy.
//! <https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.rst>

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::host::fs::file;

const CLUSTER_BITS: u32 = 16;
const CLUSTER: u64 = 1 << CLUSTER_BITS;
/// Entries of a table in one cluster.
const ENTRIES: u64 = CLUSTER / 8;
/// Reference counts of 16 bits in one cluster.
const COUNTS: u64 = CLUSTER / 2;
/// Set in an entry whose cluster has exactly one reference.
const COPIED: u64 = 1 << 63;
const HEADER_LENGTH: u32 = 104;
static ZEROS: [u8; CLUSTER as usize] = [0; CLUSTER as usize];

/// A raw disk image as qcow2: the clusters that are not all zeros, with the tables for them.
pub struct Qcow2 {
    source: File,
    /// The bytes of the disk.
    size: u64,
    /// The numbers of the guest's clusters with data, ascending.
    data: Vec<u64>,
    tables: Tables,
}

/// The clusters of each table, in the order in which they stand in the file, after the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tables {
    l1: u64,
    l2: u64,
    refcount_table: u64,
    refcount_blocks: u64,
    /// All clusters of the file.
    all: u64,
}

impl Tables {
    fn new(size: u64, l2: u64, data: u64) -> Self {
        let l1 = size.div_ceil(CLUSTER * ENTRIES).div_ceil(ENTRIES).max(1);
        let mut tables = Self {
            l1,
            l2,
            refcount_table: 1,
            refcount_blocks: 1,
            all: 0,
        };
        // The counts count themselves.
        loop {
            let Self {
                refcount_table,
                refcount_blocks,
                ..
            } = tables;
            tables.all = 1 + l1 + refcount_table + refcount_blocks + l2 + data;
            tables.refcount_blocks = tables.all.div_ceil(COUNTS);
            tables.refcount_table = tables.refcount_blocks.div_ceil(ENTRIES);
            if (tables.refcount_table, tables.refcount_blocks) == (refcount_table, refcount_blocks)
            {
                return tables;
            }
        }
    }
}

impl Qcow2 {
    /// Reads the raw disk image once, to find the clusters with data.
    ///
    /// # Errors
    /// The image can't be read.
    pub fn of(raw: &Path) -> io::Result<Self> {
        let mut source = File::open(raw)?;
        let size = source.metadata()?.len().next_multiple_of(512);
        let data = clusters_with_data(&mut source)?;
        let mut l2: Vec<u64> = data.iter().map(|cluster| cluster / ENTRIES).collect();
        l2.dedup();
        let tables = Tables::new(size, l2.len() as u64, data.len() as u64);
        Ok(Self {
            source,
            size,
            data,
            tables,
        })
    }

    /// The bytes of the file.
    pub fn length(&self) -> u64 {
        self.tables.all * CLUSTER
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The raw image can't be read, or `out` fails.
    pub fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Tables {
            l1,
            l2,
            refcount_table,
            refcount_blocks,
            all,
        } = self.tables;
        let l1_at = 1;
        let refcounts_at = l1_at + l1;
        let blocks_at = refcounts_at + refcount_table;
        let l2_at = blocks_at + refcount_blocks;
        let data_at = l2_at + l2;
        write_padded(out, &self.header(l1_at, refcounts_at), CLUSTER)?;

        let mut tables: Vec<u64> = self.data.iter().map(|cluster| cluster / ENTRIES).collect();
        tables.dedup();
        let mut entries = vec![0; usize_of(l1 * ENTRIES)];
        for (number, table) in tables.iter().enumerate() {
            entries[usize_of(*table)] = ((l2_at + number as u64) * CLUSTER) | COPIED;
        }
        write_table(out, &entries)?;

        let mut entries = vec![0; usize_of(refcount_table * ENTRIES)];
        for block in 0..refcount_blocks {
            entries[usize_of(block)] = (blocks_at + block) * CLUSTER;
        }
        write_table(out, &entries)?;
        for block in 0..refcount_blocks {
            let used = usize_of((all - block * COUNTS).min(COUNTS));
            write_padded(out, &1u16.to_be_bytes().repeat(used), CLUSTER)?;
        }

        let mut next = data_at;
        for clusters in self.data.chunk_by(|a, b| a / ENTRIES == b / ENTRIES) {
            let mut entries = vec![0; usize_of(ENTRIES)];
            for cluster in clusters {
                entries[usize_of(cluster % ENTRIES)] = (next * CLUSTER) | COPIED;
                next += 1;
            }
            write_table(out, &entries)?;
        }

        let mut bytes = Vec::new();
        for cluster in &self.data {
            self.source.seek(SeekFrom::Start(cluster * CLUSTER))?;
            bytes.clear();
            (&self.source).take(CLUSTER).read_to_end(&mut bytes)?;
            write_padded(out, &bytes, CLUSTER)?;
        }
        Ok(())
    }

    /// The header of version 3, without extensions.
    fn header(&self, l1_at: u64, refcounts_at: u64) -> Vec<u8> {
        let mut header = b"QFI\xfb".to_vec();
        let l1_entries = self.size.div_ceil(CLUSTER * ENTRIES);
        let put = |header: &mut Vec<u8>, value: u64| header.extend(value.to_be_bytes());
        let put_half = |header: &mut Vec<u8>, value: u32| header.extend(value.to_be_bytes());
        put_half(&mut header, 3);
        // No file below it.
        put(&mut header, 0);
        put_half(&mut header, 0);
        put_half(&mut header, CLUSTER_BITS);
        put(&mut header, self.size);
        // No encryption.
        put_half(&mut header, 0);
        put_half(&mut header, u32::try_from(l1_entries).unwrap_or(u32::MAX));
        put(&mut header, l1_at * CLUSTER);
        put(&mut header, refcounts_at * CLUSTER);
        let table = u32::try_from(self.tables.refcount_table).unwrap_or(u32::MAX);
        put_half(&mut header, table);
        // No snapshots.
        put_half(&mut header, 0);
        put(&mut header, 0);
        // No features: incompatible, compatible, cleared by writers.
        put(&mut header, 0);
        put(&mut header, 0);
        put(&mut header, 0);
        // Counts of 2^4 bits.
        put_half(&mut header, 4);
        put_half(&mut header, HEADER_LENGTH);
        header
    }
}

/// Returns the numbers of the clusters that are not all zeros.
fn clusters_with_data(source: &mut File) -> io::Result<Vec<u64>> {
    let size = source.metadata()?.len();
    let mut found = Vec::new();
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some((start, end)) = file::next_data(source, at, size)? {
        let first = start / CLUSTER;
        let first = found.last().map_or(first, |last| first.max(last + 1));
        source.seek(SeekFrom::Start(first * CLUSTER))?;
        for cluster in first..end.div_ceil(CLUSTER) {
            bytes.clear();
            (&*source).take(CLUSTER).read_to_end(&mut bytes)?;
            if bytes[..] != ZEROS[..bytes.len()] {
                found.push(cluster);
            }
        }
        at = end;
    }
    Ok(found)
}

fn usize_of(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn write_table(out: &mut dyn Write, entries: &[u64]) -> io::Result<()> {
    let bytes: Vec<u8> = entries
        .iter()
        .flat_map(|entry| entry.to_be_bytes())
        .collect();
    out.write_all(&bytes)
}

/// Writes the bytes, and zeros up to the next multiple of `unit`.
pub fn write_padded(out: &mut dyn Write, bytes: &[u8], unit: u64) -> io::Result<()> {
    out.write_all(bytes)?;
    let length = bytes.len() as u64;
    out.write_all(&vec![0; usize_of(length.next_multiple_of(unit) - length)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_count_themselves() {
        for (size, l2, data) in [(1 << 20, 1, 16), (10 << 30, 20, 163_840), (64 << 40, 9, 9)] {
            let tables = Tables::new(size, l2, data);
            let Tables {
                l1,
                refcount_table,
                refcount_blocks,
                all,
                ..
            } = tables;
            assert_eq!(all, 1 + l1 + refcount_table + refcount_blocks + l2 + data);
            assert!(refcount_blocks * COUNTS >= all && refcount_table * ENTRIES >= refcount_blocks);
        }
        assert_eq!(Tables::new(64 << 40, 9, 9).l1, 16);
    }

    #[test]
    #[cfg_attr(
        not(all(target_os = "linux", target_arch = "x86_64")),
        ignore = "needs qemu-img"
    )]
    fn qemu_img_finds_no_fault_and_the_same_content() {
        let dir = tempfile::tempdir().unwrap();
        let (raw, qcow2) = (dir.path().join("raw"), dir.path().join("qcow2"));
        let mut file = File::create(&raw).unwrap();
        // Two tables, a cluster of zeros that takes space, and an end within a cluster.
        file.set_len((2 << 30) + 70_144).unwrap();
        for (at, bytes) in [
            (0, &[7; 70_000][..]),
            (3 << 20, &[0; 1 << 17]),
            ((1 << 30) + 5, &[9]),
            ((2 << 30) + 70_143, &[8]),
        ] {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(bytes).unwrap();
        }
        let mut disk = Qcow2::of(&raw).unwrap();
        assert_eq!(disk.data, [0, 1, 16384, 32769]);
        disk.write(&mut File::create(&qcow2).unwrap()).unwrap();
        assert_eq!(qcow2.metadata().unwrap().len(), disk.length());
        let run = |args: &[&str], files: &[&Path]| {
            let status = std::process::Command::new("qemu-img")
                .args(args)
                .args(files)
                .status();
            assert!(status.unwrap().success(), "{args:?}");
        };
        run(&["check", "-q", "-f", "qcow2"], &[&qcow2]);
        run(
            &["compare", "-q", "-f", "raw", "-F", "qcow2"],
            &[&raw, &qcow2],
        );
    }
}
