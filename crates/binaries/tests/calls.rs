//! Calls as LLVM's disassembler sees them, in made-up code and in whole real binaries.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure is a failed test")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use binaries::{ElfImage, LONGEST_CALL, Machine, ends_in_call};
use profile::ElfAddr;
use tempfile::TempDir;

const X86_64: Machine = Machine(62);

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

fn tool(name: &str) -> Command {
    Command::new(format!("{name}{}", env::var("LLVM_SUFFIX").unwrap_or_default()))
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// An instruction: where it is, its bytes, and its name.
struct Instruction {
    address: u64,
    bytes: Vec<u8>,
    name: String,
}

/// All of a file, as `llvm-objdump -d` prints them: `  1234: e8 00 00 00 00   callq 0x1239`.
fn disassemble(path: &Path) -> Vec<Instruction> {
    let text = output(tool("llvm-objdump").args(["-d", "--no-print-imm-hex"]).arg(path));
    let is_arm64 = text.lines().take(4).any(|line| line.ends_with("elf64-littleaarch64"));
    let parse = |line: &str| {
        let (address, rest) = line.split_once(':')?;
        let address = u64::from_str_radix(address.trim(), 16).ok()?;
        let (bytes, text) = rest.split_once('\t')?;
        let bytes = bytes.trim();
        // Newer ones print an instruction of arm64 as one number, older ones as bytes.
        let bytes: Vec<u8> = if is_arm64 && !bytes.contains(' ') {
            u32::from_str_radix(bytes, 16).ok()?.to_le_bytes().to_vec()
        } else {
            let bytes = bytes.split_whitespace();
            bytes.map(|byte| u8::from_str_radix(byte, 16).ok()).collect::<Option<_>>()?
        };
        // Prefixes are printed as words before the name.
        let name = text.split_whitespace().find(|word| {
            !["notrack", "bnd", "data16", "rex64", "lock", "rep", "repne"].contains(word)
        });
        Some(Instruction { address, bytes, name: name?.to_owned() })
    };
    text.lines().filter_map(parse).collect()
}

fn is_call(name: &str) -> bool {
    matches!(name, "call" | "callq" | "bl" | "blr" | "blraa" | "blrab" | "blraaz" | "blrabz")
}

/// Every `FF /n` and `E8`, with every SIB byte and four prefixes: the bytes that make a call for the
/// disassembler make one here, and none that make something else.
#[test]
#[ignore = "needs LLVM; run by scripts/check-calls"]
fn every_operand_of_a_call_is_decoded_as_llvm_decodes_it() {
    let mut lines = vec![".text".to_owned()];
    for prefix in ["", "0x41,", "0x43,", "0x3e,"] {
        lines.push(format!(".balign 16, 0x90\n.byte {prefix} 0xe8, 1, 2, 3, 4"));
        for modrm in 0..=255 {
            let sibs: &[u32] = if modrm & 7 == 4 && modrm >> 6 != 3 {
                &(0..=255).collect::<Vec<_>>()
            } else {
                &[0x11]
            };
            for sib in sibs {
                let code = format!("0xff, {modrm:#x}, {sib:#x}, 1, 2, 3, 4");
                lines.push(format!(".balign 16, 0x90\n.byte {prefix} {code}"));
            }
        }
    }
    lines.push(".balign 16, 0x90\n".to_owned());
    let dir = TempDir::new().unwrap();
    let (source, object) = (dir.path().join("forms.s"), dir.path().join("forms.o"));
    fs::write(&source, lines.join("\n")).unwrap();
    output(
        tool("llvm-mc")
            .args(["-triple=x86_64", "-filetype=obj"])
            .arg(&source)
            .arg("-o")
            .arg(&object),
    );
    let (mut calls, mut others) = (0, 0);
    for instruction in disassemble(&object).iter().filter(|row| row.address % 16 == 0) {
        let Instruction { bytes, name, .. } = instruction;
        // Whose SIB byte is 0xe8 can be read as `call rel32` too, and must be.
        let is_both = bytes.len() >= 5 && bytes[bytes.len() - 5] == 0xe8;
        let expected = is_call(name) || is_both;
        assert_eq!(ends_in_call(X86_64, bytes), Some(expected), "{name} {bytes:02x?}");
        *if is_call(name) { &mut calls } else { &mut others } += 1;
    }
    println!("{calls} forms of calls, {others} of other instructions");
    assert!(calls > 4 * 3 * 256 && others > calls, "{calls} {others}");
}

/// Behind every call of a binary one is found, and behind other instructions only by chance.
#[test]
#[ignore = "needs LLVM; run by scripts/check-calls"]
fn behind_every_call_of_real_binaries_a_call_is_found() {
    let mut binaries = vec![
        (fixture("edge-proxy/debug/usr/local/bin/edge-proxy"), 1000),
        (fixture("edge-proxy/twin/usr/local/bin/edge-proxy"), 1000),
        (fixture("small/sysroot-aarch64/libcalls.so"), 3),
    ];
    let more = env::var_os("PERF2PPROF_CALLS").expect("scripts/check-calls names libc and others");
    binaries.extend(env::split_paths(&more).map(|path| (path, 1000)));
    for (path, least) in binaries {
        let image = ElfImage::open(&path).unwrap();
        let (mut calls, mut found, mut others, mut chance) = (0, 0, 0, 0);
        for Instruction { address, bytes, name } in disassemble(&path) {
            let end = address + bytes.len() as u64;
            // The byte before the end is in the same segment, whatever follows.
            let last = image.layout().offset_of(ElfAddr(end - 1)).unwrap();
            let at = usize::try_from(last.0).unwrap() + 1;
            let code = &image.bytes()[at.saturating_sub(LONGEST_CALL)..at];
            let is_found = ends_in_call(image.machine(), code).unwrap();
            if is_call(&name) {
                calls += 1;
                found += u64::from(is_found);
                assert!(is_found, "{}: {name} at {address:#x}: {bytes:02x?}", path.display());
            } else {
                others += 1;
                chance += u64::from(is_found);
            }
        }
        println!(
            "{}: {found} of {calls} calls found; {chance} of {others} other instructions taken for one",
            path.display()
        );
        assert!(calls >= least, "{}: only {calls} calls", path.display());
        assert!(chance * 100 < others, "{}: {chance} of {others}", path.display());
    }
}
