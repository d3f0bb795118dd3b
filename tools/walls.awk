# Used by walls.sh. Reads, each told by `kind=`: the table, `nm -A -f sysv` of the objects, what the compiler says that
# each depends on, the sources.
function place(path) { sub(/^snapshot\//, "", path); return path }
function is_below(path, room) { return path == room || index(path, room "/") == 1 }
function room_of(path,    room) {
    for (room = path; room != "" && !(room in known); )
        if (!sub(/\/[^\/]*$/, "", room))
            room = ""
    return room
}
function base_name(path) { sub(/.*\//, "", path); sub(/\.[a-z]+$/, "", path); return path }
function folder(path) { return sub(/\/[^\/]*$/, "", path) ? path : "" }
function bad(text) { if (!(text in said)) { said[text] = 1; print text; broken = 1 } }

# A path as the compiler gives it, from the root: without ./ and a/../
# What the build makes of a file lies in the room of that file.
function unbuilt(path) {
    return index(path, build "/") == 1 ? substr(path, length(build) + 2) : path
}
function plain(path) {
    if (index(path, here "/") == 1)
        path = substr(path, length(here) + 2)
    while (sub(/^\.\//, "", path) || sub(/\/\.\//, "/", path) || sub(/[^\/.]+\/\.\.\//, "", path))
        ;
    return path
}

# -- The table ---------------------------------------------------------------------------------
kind == "table" && /^#|^[ \t]*$/ { next }
kind == "table" && $1 == "room" { known[$2] = 1; line[$2] = " "; for (i = 3; i <= NF; i++) line[$2] = line[$2] $i " "; next }
kind == "table" && $1 == "table" { table_of[$2] = $3; is_table[$3] = 1; alone[$2] = $4 == "alone"; next }
kind == "table" && $1 == "inside" { for (i = 2; i <= NF; i++) inside[$i] = 1; next }
kind == "table" && $1 == "front" { front[$2] = $2 "/" $3; next }
kind == "table" && $1 == "glimpse" {
    glimpse[$2, $3] = " "
    for (i = 4; i <= NF; i++)
        glimpse[$2, $3] = glimpse[$2, $3] $3 "/" $i " "
    next
}
kind == "table" && $1 == "header" { header_of[$2] = " "; for (i = 3; i <= NF; i++) header_of[$2] = header_of[$2] $i " "; next }
kind == "table" && $1 == "only" {
    # Names of the system have no '/' and are no room.
    for (i = 2; i <= NF && !($i in known) && $i !~ /\//; i++)
        limit[++limits] = $i
    places = " "
    for (; i <= NF; i++)
        places = places $i " "
    for (; placed < limits;)
        limit_places[++placed] = places
    next
}
kind == "table" && $1 == "unreached" { for (i = 2; i <= NF; i++) unreached[$i] = 1; next }
kind == "table" && $1 == "mutable" { for (i = 3; i <= NF; i++) changes[$2 SUBSEP $i] = 1; next }
kind == "table" { bad(FILENAME ":" FNR ": what is a " $1 "?"); next }

# -- Symbols -------------------------------------------------------------------------------------
kind == "nm" {
    colon = index($1, ":")
    if (!colon || NF < 7)
        next
    file = substr($1, 1, colon - 1)
    symbol = substr($1, colon + 1)
    gsub(/ /, "", symbol); gsub(/ /, "", $3); gsub(/ /, "", $4); gsub(/ /, "", $7)
    file = place(substr(file, length(build) + 2))
    sub(/\.o$/, ".c", file)
    if ($3 == "U" || $3 == "w")
        uses[++use_count] = file SUBSEP symbol
    else if ($3 ~ /^[VWiu]$/)
        bad(file ": " symbol " is weak: which of two is meant shows in no header")
    else if ($3 ~ /^[A-Z]$/) {
        if (symbol in defined)
            bad(file ": " symbol " is also in " defined[symbol])
        defined[symbol] = file
        is_data[symbol] = $4 == "OBJECT"
    }
    if ($3 == "C" || ($7 ~ /^\.(data|bss|tdata|tbss)/ && $7 !~ /^\.data\.rel\.ro/)) {
        shown = symbol
        sub(/\.[0-9]+$/, "", shown)
        if (!((file SUBSEP shown) in changes))
            bad(file ": " shown " can change: data is const, or handed from function to function")
    }
    if ($7 ~ /^\.text\.startup/ && symbol != "main")
        bad(file ": " symbol " runs before main")
    next
}

# -- What each object was made of --------------------------------------------------------------------
kind == "deps" {
    if (FNR == 1) {
        object = place(substr(FILENAME, length(build) + 2))
        sub(/\.d$/, ".c", object)
        over = 0
    }
    for (i = 1; i <= NF && !over; i++)
        if ($i != "\\" && $i !~ /:$/ && plain($i) !~ /^\//)
            made_of[object, ++made[object]] = unbuilt(plain($i))
    # The phony targets of the headers follow.
    if ($0 !~ /\\$/)
        over = 1
    next
}

# -- Sources: directives, and the words of headers without their comments ------------------------------
FNR == 1 { in_comment = 0 }
/^[ \t]*(#|%:)[ \t]*(include|import|embed)/ {
    target = $0
    sub(/^[^"<]*/, "", target)
    where = FILENAME ":" FNR ": "
    if ($0 !~ /^#include ("[^"]*"|<[^>]*>)/)
        bad(where "include \"room/file.h\" or <library.h>, nothing else: " $0)
    else if (target ~ /^</) {
        sub(/^</, "", target); sub(/>.*/, "", target)
        sees[FILENAME, target] = 1
        seen_in[FILENAME] = seen_in[FILENAME] " " target
        angled[++angles] = where SUBSEP target
    } else {
        sub(/^"/, "", target); sub(/".*/, "", target)
        quoted[++quotes] = where SUBSEP target
    }
}
FILENAME ~ /\.c$/ { sources[place(FILENAME)] = FILENAME }
FILENAME ~ /\.h$/ {
    exists[place(FILENAME)] = 1
    text = $0
    if (in_comment && !sub(/^.*\*\//, "", text))
        next
    in_comment = 0
    while (match(text, /\/\*/)) {
        before = substr(text, 1, RSTART - 1)
        after = substr(text, RSTART + 2)
        if (!match(after, /\*\//)) {
            in_comment = 1
            text = before
            break
        }
        text = before " " substr(after, RSTART + 2)
    }
    sub(/\/\/.*/, "", text)
    gsub(/"[^"]*"/, " ", text)
    n = split(text, words, /[^A-Za-z0-9_]+/)
    for (i = 1; i <= n; i++)
        says[FILENAME, words[i]] = 1
}

# -- Judgement -------------------------------------------------------------------------------------
function close_rooms(    more, room, n, i, to, names) {
    for (more = 1; more; ) {
        more = 0
        for (room in known) {
            n = split(line[room], names, " ")
            for (i = 1; i <= n; i++) {
                to = names[i]
                if (!(to in known))
                    bad("tools/walls.txt: room " room " may use " to ", which is no room")
                may[room, to] = 1
            }
        }
        for (pair in may) {
            split(pair, names, SUBSEP)
            n = split(line[names[2]], parts, " ")
            for (i = 1; i <= n; i++)
                if (!((names[1], parts[i]) in may)) {
                    new[names[1] SUBSEP parts[i]] = 1
                    more = 1
                }
        }
        for (pair in new) {
            may[pair] = 1
            delete new[pair]
        }
    }
    for (room in known) {
        if ((room, room) in may)
            bad("tools/walls.txt: room " room " comes to use itself")
        may[room, room] = 1
    }
}
function among(path, places,    names, n, i) {
    n = split(places, names, " ")
    for (i = 1; i <= n; i++)
        if (is_below(path, names[i]) || (names[i] !~ /\.c$/ && index(path, names[i]) == 1 && !(names[i] in known)))
            return 1
    return 0
}
function entry_of(symbol,    prefix) {
    for (prefix in table_of)
        if (index(symbol, prefix) == 1)
            return prefix
    return ""
}
# The shortest name of an entry with which the name of the file begins; prefix: of which table.
function owner(path, prefix,    name, best, entry) {
    name = base_name(path)
    best = ""
    for (entry in entry_named)
        if (entry_named[entry] == prefix && (name == entry || index(name, entry "_") == 1) &&
            (best == "" || length(entry) < length(best)))
            best = entry
    return best
}
function owners(path,    prefix, theirs) {
    for (prefix in table_of)
        if (alone[prefix] && folder_serves(prefix, path) && (theirs = owner(path, prefix)) != "")
            return theirs
    return ""
}
function folder_serves(prefix, path) { return is_below(path, folder(table_of[prefix])) }
function may_see(from, to, what,    a, b) {
    a = room_of(from)
    b = room_of(to)
    if (a == "") { bad(from ": lies in no room of tools/walls.txt"); return 0 }
    if (b == "") { bad(from ": " what " " to ", which lies in no room of tools/walls.txt"); return 0 }
    if (!((a, b) in may)) { bad(from ": " what " " to ": " a " may not use " b); return 0 }
    return 1
}
function symbol_used(from, symbol,    to, prefix, mine, i, i_last, declared, header) {
    if (!(symbol in defined)) {
        system_used(from, symbol)
        return
    }
    to = defined[symbol]
    if (to == from)
        return
    other_use[symbol] = 1
    if (symbol in entry_table) {
        prefix = entry_table[symbol]
        listed[symbol] = listed[symbol] || table_of[prefix] == from
        if (table_of[prefix] != from)
            bad(from ": uses the entry " symbol " of " to ": that is for " table_of[prefix] " alone")
        return
    }
    if (!may_see(from, to, "uses " symbol " of"))
        return
    siblings(from, to, "uses " symbol " of")
    for (i = 1; i <= made[from]; i++)
        if ((made_of[from, i], symbol) in says)
            return
    bad(from ": uses " symbol " of " to " by a prototype of its own: include the header that declares it")
}
function siblings(from, to, what,    mine, theirs) {
    if ((from in is_table) || (to in is_table))
        return
    if (to in has_entry) {
        bad(from ": " what " " to ", the file of an entry: what several need has a file of its own")
        return
    }
    theirs = owners(to)
    if (theirs != "" && owners(from) != theirs)
        bad(from ": " what " " to ", a part of " theirs ": what several need does not carry the name of one")
}
function system_used(from, symbol,    name, i) {
    # Fortified and large-file variants are the same function.
    name = symbol
    if (name ~ /_chk$/ && name != "__stack_chk_fail") { sub(/^__/, "", name); sub(/_chk$/, "", name) }
    sub(/^__isoc[0-9]+_/, "", name)
    sub(/64$/, "", name)
    for (i = 1; i <= limits; i++)
        if (limit[i] == name || limit[i] == symbol ||
            (limit[i] ~ /\*$/ && index(name, substr(limit[i], 1, length(limit[i]) - 1)) == 1)) {
            if (!among(from, limit_places[i]))
                bad(from ": uses " symbol ": that is for" (limit_places[i] == " " ? " nobody" : limit_places[i]))
            return
        }
}
function for_tests(file, symbol) {
    return system("tools/for_tests.sh " symbol " " (file in sources ? sources[file] : file)) == 0
}
function include_used(from, header,    to, suffix, room, pair, names) {
    to = place(header)
    if (to ~ /\.c$/) {
        if (to != from)
            bad(from ": includes " to ": a file of C is compiled once, by itself")
        return
    }
    if (!may_see(from, to, "includes"))
        return
    for (suffix in inside)
        if (substr(to, length(to) - length(suffix) + 1) == suffix && folder(to) != folder(from))
            bad(from ": includes " to ": for the files of its folder alone")
    for (room in front)
        if (is_below(to, room) && to != front[room] && !is_below(from, room))
            bad(from ": includes " to ": others use " room " by " front[room] " alone")
    for (pair in glimpse) {
        split(pair, names, SUBSEP)
        if (is_below(from, names[1]) && is_below(to, names[2]) && !index(glimpse[pair], " " to " "))
            bad(from ": includes " to ": of " names[2] " it sees no more than" glimpse[pair])
    }
    sub(/\.h$/, ".c", to)
    if (to != from)
        siblings(from, to, "includes the header of")
}
END {
    close_rooms()
    for (symbol in defined)
        if (is_data[symbol] && (prefix = entry_of(symbol)) != "" && folder_serves(prefix, defined[symbol])) {
            entry_table[symbol] = prefix
            if (alone[prefix])
                has_entry[defined[symbol]] = 1
            entry_named[substr(symbol, length(prefix) + 1)] = prefix
        }
    for (u = 1; u <= use_count; u++) {
        split(uses[u], part, SUBSEP)
        symbol_used(part[1], part[2])
    }
    for (object in made)
        for (i = 1; i <= made[object]; i++) {
            include_used(object, made_of[object, i])
            n = split(seen_in[made_of[object, i]], names, " ")
            for (j = 1; j <= n; j++)
                if ((names[j] in header_of) && !among(object, header_of[names[j]]))
                    bad(object ": comes to see <" names[j] "> by " made_of[object, i] ": that is for" header_of[names[j]])
        }
    for (symbol in defined) {
        if ((symbol in entry_table) && !listed[symbol])
            bad(defined[symbol] ": the entry " symbol " stands in no table")
        if (symbol == "main" || (symbol in entry_table))
            continue
        file = defined[symbol]
        for (i = 1; i <= made[file]; i++)
            if ((made_of[file, i], symbol) in says)
                break
        if (!(symbol in other_use) && !(symbol in unreached) && !for_tests(file, symbol))
            bad(file ": " symbol " is public, but no other file of the program uses it: static, or dead")
        if (i > made[file])
            bad(file ": " symbol " is public, but no header that the file includes declares it")
    }
    for (room in front)
        if (!(front[room] in exists))
            bad("tools/walls.txt: " front[room] " is not there")
    for (i = 1; i <= angles; i++) {
        split(angled[i], part, SUBSEP)
        if ((place(part[2]) in exists) || (part[2] in exists))
            bad(part[1] "<" part[2] "> is of this tree: \"room/file.h\"")
    }
    for (i = 1; i <= quotes; i++) {
        split(quoted[i], part, SUBSEP)
        if (!(part[2] in exists))
            bad(part[1] "\"" part[2] "\" is no header by its path from the root or snapshot/")
    }
    for (file in sources)
        if (!(file in made))
            bad(file ": was not compiled")
    exit broken
}
