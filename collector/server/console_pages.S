/* The console's files as they were built (console/dist), each between two labels. */
    .section .rodata
    .macro page name, file
    .global \name
\name:
    .incbin "\file"
    .global \name\()_end
\name\()_end:
    .byte 0
    .endm

    page console_index_html, "console/dist/index.html.gz"
    page console_app_js, "console/dist/app.js.gz"
    page console_chart_js, "console/dist/chart.js.gz"
    page console_app_css, "console/dist/app.css.gz"

    .section .note.GNU-stack, "", %progbits
