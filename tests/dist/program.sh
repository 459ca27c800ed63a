#!/bin/sh
# The program of a release in a clean place: sh program.sh DIRECTORY, into which the archive was unpacked, or "" where the
# Debian package was installed.
set -eu
folder=$1
cor=cor
man_folder=/usr/share/man/man1
if [ -n "$folder" ]; then
  cor=$folder/cor
  man_folder=$folder/man/man1
fi
"$cor" --version
"$cor" demo >demo.txt
grep -q 'Website relaunch, phase 2' demo.txt

"$cor" sandbox --example --port 0 >sandbox.txt 2>&1 &
sandbox=$!
trap 'kill "$sandbox"' EXIT
until address=$(grep -o 'http://127.0.0.1:[0-9]*' sandbox.txt | head -1) && [ -n "$address" ]; do
  kill -0 "$sandbox"
  sleep 0.1
done
export COR_BASE_URL="$address" COR_MAIN_URL="$address/v1" COR_ACCESS_TOKEN=sandbox-token COR_STATE="$PWD/state.db"
"$cor" projects update SF-OPP-12345 --source SALESFORCE --end 2025-04-30 --clear brief >update.txt
grep -q 2025-04-30 update.txt
printf 'id,name\nSF-OPP-12345,Phase 2\n' >deals.csv
"$cor" projects sync deals.csv --source SALESFORCE --json >first.txt
"$cor" projects sync deals.csv --source SALESFORCE --json >second.txt
grep -q '"applied":1,.*"unchanged":0,' first.txt
grep -q '"applied":0,.*"unchanged":1,' second.txt
"$cor" state show >state.txt
grep -q SALESFORCE state.txt

# Manual pages: man shows each without a warning, and the commands of the help have theirs.
for page in cor cor-demo cor-sandbox cor-projects cor-projects-update cor-projects-sync cor-projects-drift; do
  ls "$man_folder/$page".1* >/dev/null
done
for file in "$man_folder"/cor*.1*; do
  MANWIDTH=80 man --warnings -l "$file" >page.txt 2>warnings.txt
  grep -q NAME page.txt
  if [ -s warnings.txt ]; then
    cat warnings.txt >&2
    exit 1
  fi
done

# Completions: the shells read them.
"$cor" completions bash >cor.bash
bash -n cor.bash
"$cor" completions zsh >_cor
zsh -n _cor
"$cor" completions fish >cor.fish
fish --no-execute cor.fish
bash -c '. ./cor.bash; COMP_WORDS=(cor proj); COMP_CWORD=1; _cor cor proj cor; [ "${COMPREPLY[0]}" = projects ]'
if [ -n "$folder" ]; then
  cmp cor.bash "$folder/completions/cor.bash"
  cmp _cor "$folder/completions/_cor"
  cmp cor.fish "$folder/completions/cor.fish"
fi
