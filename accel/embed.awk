# Makes C of kernel sources: awk -f embed.awk prelude/*.k kernels/*.k. A file is cut at its lines "@kernel name"; what stands
# before the first goes into each of its kernels. A file without any is one source under its own name.
function flush_source() {
    if (name == "") return
    printf "static const char *const kit_lines_%s[] = {\n%s%s    NULL};\n", name, shared, body
    list = list sprintf("    {\"%s\", kit_lines_%s},\n", name, name)
}
function begin_file(path) {
    flush_source()
    sub(/.*\//, "", path)
    sub(/\.k$/, "", path)
    name = path; shared = ""; body = ""; cut = 0
}
FNR == 1 { begin_file(FILENAME) }
/^@kernel / {
    if (cut) flush_source()
    else shared = body
    cut = 1; name = $2; body = ""
    next
}
{
    gsub(/\\/, "&&"); gsub(/"/, "\\\\&")
    body = body "    \"" $0 "\",\n"
}
END {
    flush_source()
    printf "static const kit_source kit_sources[] = {\n%s};\n", list
}
