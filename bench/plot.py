"""How cost grows with the rules: a plot with logarithmic axes, as SVG."""
from math import log10

WIDTH, HEIGHT = 760, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 30, 50
X = (1, 4)  # powers of ten
COLOURS = {"ours": "#0b6e4f", "theirs": "#b3401f"}


def x_of(rules):
    return LEFT + (log10(rules) - X[0]) / (X[1] - X[0]) * (WIDTH - LEFT - RIGHT)


def y_of(us, y):
    return HEIGHT - BOTTOM - (log10(us) - y[0]) / (y[1] - y[0]) * (HEIGHT - TOP - BOTTOM)


def text(x, y, words, anchor="middle", colour="#222"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def name_of(us):
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{us / size:g} {unit}"
    return f"{us:g} µs"


def axes(y):
    for e in range(X[0], X[1] + 1):
        x = x_of(10 ** e)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>'
        yield text(x, HEIGHT - BOTTOM + 18, f"{10 ** e}")
    for e in range(y[0], y[1] + 1):
        at = y_of(10 ** e, y)
        yield (f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" '
               'stroke="#ddd"/>')
        yield text(LEFT - 8, at + 4, name_of(10 ** e), "end")
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "rules with an argument")


def curve(points, y, colour, dashed):
    path = " ".join(f"{x_of(n):.1f},{y_of(us, y):.1f}" for n, us in points)
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
    for n, us in points:
        yield f'<circle cx="{x_of(n):.1f}" cy="{y_of(us, y):.1f}" r="3" fill="{colour}"/>'


def growth(figures):
    curves = {}
    for f in figures:
        if f["what"] == "growth" and f["ended"]:
            curves.setdefault((f["lib"], f["values"]), []).append((f["rules"], f["median"]))
    all_us = [us for points in curves.values() for _, us in points]
    y = (int(log10(min(all_us))), int(log10(max(all_us))) + 1)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="13">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           text(LEFT, 18, "init + rules + export against the number of rules", "start")]
    out += axes(y)
    ends = []
    for (lib, values), points in curves.items():
        out += curve(points, y, COLOURS[lib], values == "scattered")
        ends.append([y_of(points[-1][1], y) + 4, x_of(points[-1][0]), f"{lib}, {values}",
                     COLOURS[lib]])
    ends.sort()
    for above, label in zip(ends, ends[1:]):
        label[0] = max(label[0], above[0] + 16)
    out += [text(max(x, WIDTH - RIGHT) + 10, at, words, "start", colour)
            for at, x, words, colour in ends]
    return "\n".join(out + ["</svg>"]) + "\n"
