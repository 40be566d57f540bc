#!/usr/bin/env python3
"""Holds what `perf2pprof lens` says of a recording against perf's own tools.

    lens_sums.py LENS.json RECORDING [--binary ENVOY]

From `perf script`, with areas of the kernel of its own: the share of the weight in each of them, in the allocator (by
the place of the ELF section `google_malloc` of ENVOY) and in code made at run time agree within one point. From
`perf report`: the shares of threads, within a hundredth of a point. Prints every pair; exits with 1 where one differs.
"""

import argparse
import collections
import json
import re
import subprocess
import sys

# What the kernel does, by the names of its functions, outermost first: the last that is known counts.
AREAS = {
    "kernel.irq": r"(asm_)?(sys|__sys)vec_|(asm_)?(__)?common_interrupt|(__)?irq_exit|asm_exc_nmi|hrtimer_interrupt",
    "kernel.net_rx_softirq": r"(__)?do_softirq|handle_softirqs|net_rx_action|(__)?napi_|process_backlog|__netif_receive_skb"
    r"|netif_receive_skb|ip(v6)?_rcv|tcp_v[46]_rcv|run_ksoftirqd",
    "kernel.epoll": r"do_epoll|_*ep_|__x64_sys_epoll|eventpoll_",
    "kernel.memory": r"(asm_)?exc_page_fault|do_user_addr_fault|(__)?handle_mm_fault|do_anonymous_page|clear_(huge_)?page"
    r"|(__)?alloc_(frozen_)?pages|do_huge_pmd|(do_)?madvise|zap_|unmap_|tlb_|flush_tlb|(do_|vm_)?mmap|__x64_sys_m(un)?map"
    r"|__x64_sys_m(advise|protect)|do_mprotect|change_protection",
    "kernel.futex": r"(do_|__x64_sys_|__|get_)?futex",
    "kernel.sched": r"(__)?sched(ule)?|pick_next_|finish_task_switch|try_to_wake_up|ttwu_|select_(task|idle)|(en|de)queue_"
    r"|update_(curr$|load_avg|blocked)|newidle_balance|load_balance|psi_|context_switch|switch_mm|__switch_to"
    r"|prepare_task_switch|set_next_|put_prev_|hrtimer_|exit_to_user_mode_loop|preempt_schedule|(__)?wake_up_|__wake_up"
    r"|autoremove_wake|pollwake|default_wake|available_idle",
    "kernel.netfilter_virt": r"(__)?nf_|nft_|ipt_|iptable_|xt_|conntrack|ovs_|br_|vxlan_|veth_|ipvl_|ip_vs_",
    "kernel.bpf": r"(__)?bpf_|(__)?cgroup_bpf|__cgroup_bpf|tcf_|cls_bpf|sch_handle_|tcx_",
    "kernel.net": r"(__)?tcp_|udp|__udp|inet6?_|(__)?ip6?_|(__)?sock_|(__)?sk_|(__)?skb_|(__)?alloc_skb|kfree_skb|consume_skb"
    r"|(__)?dev_|loopback_|unix_|__x64_sys_(send|recv|accept|connect|shutdown)|__sys_(send|recv)|_{3,4}sys_|net_"
    r"|release_sock|lock_sock|simple_copy_to_iter|csum_|validate_xmit|netdev_|neigh_|dst_|fib_",
    "kernel.security": r"security_|apparmor_|aa_|selinux_|avc_|(__)?audit_|(__)?seccomp_|syscall_trace_enter",
    "kernel.vfs": r"(__)?vfs_|ksys_|do_(readv|writev|iter_|sys_open|filp_open)|new_sync_|eventfd_|pipe_|path_|ext4_|xfs_"
    r"|ovl_|fdget|__fget|_*fput|task_work_run|__x64_sys_(read|write|close)|timerfd_|inotify_|fsnotify|seq_|proc_|shmem_"
    r"|kill_fasync",
    "kernel.entry": r"entry_SYSCALL|do_syscall_64|x64_sys_call|syscall_(return|exit)|__x64_sys_|entry_SYSRETQ",
}
AREAS = {area: re.compile(f"(?:{names})") for area, names in AREAS.items()}
FRAME = re.compile(r"^\s+([0-9a-f]+) (.*?)(?:\+0x[0-9a-f]+)? \(([^()]*(?: \(deleted\))?)\)$")


def area(names):
    """The area of kernel functions, innermost first."""
    if all(name == "[unknown]" for name in names):
        return "kernel.unnamed"
    found, interrupts = "kernel.other", 0
    for name in reversed(names):
        new = next((area for area, start in AREAS.items() if start.match(name)), None)
        interrupts += new == "kernel.irq"
        is_again = new == "kernel.irq" and interrupts > 1
        is_received = found == "kernel.net_rx_softirq" and new == "kernel.net"
        if new and not is_again and not is_received:
            found = new
    return found


def is_kernel(dso):
    return dso.startswith(("[kernel", "bpf_prog")) or dso.endswith(".ko") or (
        re.match(r"^\[\w+\]$", dso) is not None and dso not in ("[vdso]", "[unknown]", "[vsyscall]")
    )


def samples(recording, event):
    command = ["perf", "script", "-f", "-i", recording, "-F", "tid,period,event,ip,sym,dso", "--no-inline", "--max-stack", "4096"]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        head = re.match(r"^\s*(\d+)\s+(\d+)\s+(\S+?):\s*(.*)$", lines[0])
        if not head or head[3].split(":")[0] != event:
            continue
        rows = [f" {head[4]}"] * bool(head[4]) + lines[1:]
        frames = [(int(m[1], 16), m[2], m[3]) for m in map(FRAME.match, rows) if m]
        yield int(head[1]), int(head[2]), frames


def section(binary, name):
    text = subprocess.run(["readelf", "-SW", binary], capture_output=True, check=True, text=True).stdout
    found = re.search(rf"\] {name}\s+\S+\s+\S+ (\S+) (\S+)", text)
    start, size = (int(word, 16) for word in found.groups())
    return range(start, start + size)


def threads(recording, event):
    """Shares by thread. What perf calls a pid here is the thread's number."""
    command = ["perf", "report", "-f", "-i", recording, "--stdio", "-g", "none", "--no-children", "-s", "pid", "-F", "period,pid"]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
    sums, is_event = collections.Counter(), False
    for line in text.splitlines():
        if line.startswith("# Samples:"):
            is_event = event in line
        row = re.match(r"^\s*(\d+)\s+(\d+):", line)
        if is_event and row:
            sums[int(row[2])] += int(row[1])
    return sums


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lens")
    parser.add_argument("recording")
    parser.add_argument("--binary")
    args = parser.parse_args()
    with open(args.lens) as file:
        lens = json.load(file)
    total, expected = 0, collections.Counter()
    allocator = section(args.binary, "google_malloc") if args.binary else range(0)
    for _, period, frames in samples(args.recording, lens["event"]):
        total += period
        kernel = []
        for address, name, dso in frames:
            if not is_kernel(dso):
                break
            kernel.append(name)
        if kernel:
            expected[area(kernel)] += period
        elif frames:
            address, _, dso = frames[0]
            if dso.startswith(("//anon", "[anon", "/tmp/perf-")):
                expected["jit"] += period
            elif re.search(r"/envoy( \(deleted\))?$", dso) and address in allocator:
                expected["alloc"] += period
    assert total == lens["weight"], f"{total} in perf script, {lens['weight']} in the lens"
    is_compared = lambda work: work.startswith("kernel.") or work == "jit" or (args.binary and work == "alloc")
    ours = {part["name"]: part["share"] for part in lens["works"] if is_compared(part["name"])}
    failures = 0
    for work in sorted(ours.keys() | expected.keys()):
        one, other = ours.get(work, 0) * 100, expected[work] / total * 100
        failures += abs(one - other) > 1
        print(f"  {work:24} {one:6.2f} {other:6.2f}")
    of_threads = threads(args.recording, lens["event"])
    for row in lens["threads"]:
        one, other = row["share"] * 100, of_threads.pop(row["tid"], 0) / total * 100
        failures += abs(one - other) > 0.01
        print(f"  {row['name']:24} {one:6.2f} {other:6.2f}")
    assert not of_threads, f"threads that the lens has not: {of_threads}"
    if failures:
        sys.exit(f"{args.recording}: {failures} rows differ")


if __name__ == "__main__":
    main()
