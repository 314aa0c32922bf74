# calls.awk - from a generated header, C that calls every kernel on every set of inputs: the middle of bits.c.
#
# With -v suffix=_avx2 the kernels of a file for several targets are called that are for this one, which take part and parts.
#
# A prototype is one line: void cross_max_line_forward(const float *x, float *y);
# Kernels of a layer stand together and feed each other: y and state of one are those of the next.
/^void / && !/size_t parts/ {
    name = $2
    sub(/\(.*/, "", name)
    layer = name
    sub(/_(forward|forward_train|backward)$/, "", layer)
    arguments = $0
    sub(/^[^(]*\(/, "", arguments)
    sub(/\);$/, "", arguments)
    if (layer != last)
        printf "    begin();\n"
    last = layer
    call = ""
    shown = ""
    count = split(arguments, argument, ", ")
    for (i = 1; i <= count; i++) {
        words = split(argument[i], word, /[ *]+/)
        tensor = word[words]
        type = word[words - 1]
        elements = toupper(layer) (tensor ~ /^d?x$/ ? "_X_COUNT" : "_Y_COUNT")
        reads = argument[i] ~ /^const /
        printf "    %s(\"%s\", sizeof(%s), %s, %d);\n", reads ? "given" : "made", tensor, type, elements,
            type ~ /float|double/
        call = call (i > 1 ? ", " : "") "memory(\"" tensor "\")"
        if (!reads)
            shown = shown sprintf("    show(\"%s\", \"%s\");\n", name, tensor)
    }
    printf "    %s%s(%s%s);\n%s", name, suffix, call, suffix ? ", 0, 1" : "", shown
}
