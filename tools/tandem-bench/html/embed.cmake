# Writes OUT, a C++ file that defines the strings of html_assets.h from the files of FOLDER.
#   cmake -DFOLDER=... -DOUT=... -P embed.cmake
set(assets kPageHtml page.html kPageCss page.css kPageJs page.js kPlotCss uPlot.min.css kPlotJs uPlot.iife.min.js)
set(text "#include \"tools/tandem-bench/html_assets.h\"\n\nnamespace tandem::bench {\n\n")
while(assets)
  list(POP_FRONT assets name file)
  file(READ ${FOLDER}/${file} content)
  string(APPEND text "const std::string_view ${name} = R\"asset(${content})asset\";\n")
endwhile()
string(APPEND text "\n}  // namespace tandem::bench\n")
file(WRITE ${OUT} "${text}")
