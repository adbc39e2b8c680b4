/* cc -O2 tools/accel-info.c -o accel-info -lm && ./accel-info [--json]
   Which accelerators tensor.h finds from here, and what became of every file that it looked at. */
#define TENSOR_IMPLEMENTATION
#include "../tensor.h"

static void quoted(const char *s) {
    putchar('"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') putchar('\\');
        if ((unsigned char)*s < 32) printf("\\u%04x", (unsigned)*s);
        else putchar(*s);
    }
    putchar('"');
}
/* The report's lines: a path or folder, then what became of it. */
static void report_json(const char *report) {
    char line[1200];
    for (int n = 0; *report; n++) {
        const size_t length = strcspn(report, "\n"), keep = length < sizeof line - 1 ? length : sizeof line - 1;
        memcpy(line, report, keep);
        line[keep] = 0;
        printf(n ? ", " : "");
        quoted(line);
        report += length + (report[length] == '\n');
    }
}
int main(int argc, char **argv) {
    const bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) return fprintf(stderr, "usage: %s [--json]\n", argv[0]), 2;
    tn_set_log(NULL, NULL); /* the report has it all */
    const int n = tn_device_count();
    if (json) printf("{\"best\": \"%s\", \"devices\": [", tn_device_name(tn_device_best()));
    else printf("best: %s\n\ndevices:\n", tn_device_name(tn_device_best()));
    for (int i = 0; i < n; i++) {
        tn_accel_info info;
        const tn_device d = tn_device_at(i);
        TN_CHECK(tn_device_info(d, &info));
        if (json) {
            printf("%s{\"device\": \"%s\", \"name\": ", i ? ", " : "", tn_device_name(d));
            quoted(info.name);
            printf(", \"location\": ");
            quoted(info.location);
            printf(", \"memory\": %llu, \"kind\": \"%s\"}", (unsigned long long)info.memory, info.kind == 0 ? "gpu" : info.kind == 1 ? "cpu" : "other");
        } else
            printf("  %-10s %s, %.1f GiB %s\n", tn_device_name(d), info.name, (double)info.memory / (1 << 30), info.location);
    }
    if (!json) printf("%s\nlooked at:\n%s", n ? "" : "  none\n", tn_accel_report());
    else {
        printf("], \"looked_at\": [");
        report_json(tn_accel_report());
        puts("]}");
    }
    return 0;
}
