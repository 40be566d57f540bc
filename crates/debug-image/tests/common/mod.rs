//! Images made byte by byte.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// An ELF file with a build ID of twenty times `id`, and some bytes.
pub fn elf(id: u8, len: usize) -> Vec<u8> {
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    elf.extend(3u16.to_le_bytes()); // ET_DYN
    elf.extend(62u16.to_le_bytes()); // EM_X86_64
    elf.extend(1u32.to_le_bytes());
    elf.extend(0u64.to_le_bytes()); // entry
    elf.extend(64u64.to_le_bytes()); // e_phoff
    elf.extend(0u64.to_le_bytes()); // e_shoff
    elf.extend(0u32.to_le_bytes());
    for half in [64u16, 56, 1, 64, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    elf.extend(4u32.to_le_bytes()); // PT_NOTE
    elf.extend(4u32.to_le_bytes()); // PF_R
    for word in [120u64, 120, 120, 36, 36, 4] {
        elf.extend(word.to_le_bytes());
    }
    for word in [4u32, 20, 3] {
        elf.extend(word.to_le_bytes()); // NT_GNU_BUILD_ID
    }
    elf.extend(b"GNU\0");
    elf.extend([id; 20]);
    elf.resize(elf.len().max(len), id);
    elf
}

/// A DWARF package as far as its section headers go.
pub fn package(content: u8) -> Vec<u8> {
    let names = b"\0.shstrtab\0.debug_cu_index\0\0\0\0\0\0";
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    elf.extend(1u16.to_le_bytes()); // ET_REL
    elf.extend(62u16.to_le_bytes());
    elf.extend(1u32.to_le_bytes());
    elf.extend(0u64.to_le_bytes());
    elf.extend(0u64.to_le_bytes()); // no segments
    elf.extend((64 + names.len() as u64 + 16).to_le_bytes());
    elf.extend(0u32.to_le_bytes());
    for half in [64u16, 0, 0, 64, 3, 1] {
        elf.extend(half.to_le_bytes());
    }
    elf.extend(names);
    elf.extend([content; 16]);
    let at = 64;
    for (name, kind, offset, size) in [
        (0u32, 0u32, 0u64, 0u64),
        (1, 3, at, names.len() as u64),
        (11, 1, at + names.len() as u64, 16),
    ] {
        elf.extend(name.to_le_bytes());
        elf.extend(kind.to_le_bytes());
        for word in [0, 0, offset, size, 0, 1, 0] {
            elf.extend(u64::to_le_bytes(word));
        }
        // sh_link and sh_info are one word of zeros among the above.
    }
    elf
}

/// A tar archive of files; what ends in `/` is a directory, what has `->` in it a symbolic link.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        if let Some((path, to)) = path.split_once(" -> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, path, to).unwrap();
            continue;
        }
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

/// A header that says whatever it is told to, as no honest tool writes it.
pub fn header(path: &[u8], size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o755);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", cache::Sha256::of(bytes))
}

/// Parts of an image by digest, and the digest and size of its manifest.
pub struct Image {
    pub blobs: Vec<Vec<u8>>,
    pub manifest: Vec<u8>,
}

/// An image of layers, the lowest first.
pub fn image(layers: &[Vec<u8>]) -> Image {
    let list: Vec<_> = layers.iter().map(|layer| descriptor(layer, "")).collect();
    let config = b"{}".to_vec();
    let manifest = format!(
        r#"{{"schemaVersion": 2, "config": {}, "layers": [{}]}}"#,
        descriptor(&config, ""),
        list.join(", ")
    );
    let mut blobs = layers.to_vec();
    blobs.push(config);
    Image { blobs, manifest: manifest.into_bytes() }
}

/// What leads to a blob.
pub fn descriptor(blob: &[u8], more: &str) -> String {
    format!(r#"{{"digest": "{}", "size": {}{more}}}"#, digest(blob), blob.len())
}

/// An index of images for platforms; without a name, for none.
pub fn index(images: &[(&Image, &str)]) -> Vec<u8> {
    let list: Vec<_> = images
        .iter()
        .map(|(image, arch)| match *arch {
            "" => descriptor(&image.manifest, ""),
            arch => {
                let os = if arch == "unknown" { "unknown" } else { "linux" };
                let platform =
                    format!(r#", "platform": {{"architecture": "{arch}", "os": "{os}"}}"#);
                descriptor(&image.manifest, &platform)
            }
        })
        .collect();
    format!(r#"{{"schemaVersion": 2, "manifests": [{}]}}"#, list.join(", ")).into_bytes()
}

/// The files of an OCI layout.
pub fn layout(images: &[(&Image, &str)]) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion": "1.0.0"}"#.to_vec()),
        ("index.json".to_owned(), index(images)),
    ];
    for (image, _) in images {
        for blob in image.blobs.iter().chain([&image.manifest]) {
            files.push((blob_path(blob), blob.clone()));
        }
    }
    files.sort();
    files.dedup();
    files
}

pub fn blob_path(blob: &[u8]) -> String {
    format!("blobs/sha256/{}", cache::Sha256::of(blob))
}

pub fn write_all(dir: &Path, files: &[(String, Vec<u8>)]) {
    for (path, bytes) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

pub fn tar_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let files: Vec<_> =
        files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    tar(&files)
}

/// What `docker save` writes; before version 25 with a directory for each layer, and a link where
/// two images have the same.
pub fn saved(layers: &[Vec<u8>], has_links: bool) -> Vec<u8> {
    let ids: Vec<_> = layers.iter().map(|layer| format!("{:?}", digest(layer))).collect();
    let config =
        format!(r#"{{"architecture": "amd64", "rootfs": {{"diff_ids": [{}]}}}}"#, ids.join(", "));
    let mut files = Vec::new();
    let mut names = Vec::new();
    for (at, layer) in layers.iter().enumerate() {
        let id = |number: usize| format!("{number:064x}");
        if has_links {
            files.push((format!("{}/layer.tar", id(100 + at)), layer.clone()));
            files.push((format!("{}/layer.tar -> ../{}/layer.tar", id(at), id(100 + at)), vec![]));
            names.push(format!("\"{}/layer.tar\"", id(at)));
        } else {
            files.push((format!("{}.tar", id(at)), layer.clone()));
            names.push(format!("\"{}.tar\"", id(at)));
        }
    }
    let manifest =
        format!(r#"[{{"Config": "{}.json", "Layers": [{}]}}]"#, "c".repeat(64), names.join(", "));
    files.push((format!("{}.json", "c".repeat(64)), config.into_bytes()));
    files.push(("manifest.json".to_owned(), manifest.into_bytes()));
    tar_of(&files)
}
