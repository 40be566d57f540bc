"""A plot of what grows against what it costs, both in logarithms, as SVG."""

import math

WIDTH, HEIGHT = 360, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 30, 34, 40


def draw(path, axis, instructions, times, exponent):
    """Instructions as multiples of the fewest, between a line for n and one for n squared; CPU time so that both end
    together, since the smallest recordings take no time that a clock could tell."""
    sizes = [size for size, _ in instructions]
    decades = math.log10(sizes[-1] / sizes[0])
    top = 10 ** (decades + 0.5)

    def place(size, ratio):
        x = LEFT + (WIDTH - LEFT - RIGHT) * math.log10(size / sizes[0]) / decades
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log10(max(ratio, 1)) / math.log10(top)
        return f"{x:.1f},{y:.1f}"

    def line(points, style):
        return f'<polyline points="{" ".join(place(*point) for point in points)}" fill="none" {style}/>'

    def ratios(series):
        return [(size, cost / series[0][1]) for size, cost in series]

    last = sizes[-1] / sizes[0]
    most = ratios(instructions)[-1][1]
    timed = [(size, cost / times[-1][1] * most) for size, cost in times if cost > 0]
    square = [(sizes[0], 1), (sizes[0] * math.sqrt(top), top)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="14" font-size="13">{axis}: n to the power of {exponent:.2f}</text>',
        f'<text x="{LEFT}" y="28" fill="#0b5fa5">instructions</text>',
        f'<text x="{LEFT + 74}" y="28" fill="#c4540a">CPU time</text>',
        f'<text x="{LEFT + 132}" y="28" fill="#777">dashed: n, and n squared</text>',
    ]
    for power in range(int(math.log10(top)) + 1):
        y = place(sizes[0], 10**power).split(",")[1]
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#eee"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{10**power}x</text>')
    parts += [
        line([(sizes[0], 1), (sizes[-1], last)], 'stroke="#999" stroke-dasharray="4 3"'),
        line(square, 'stroke="#999" stroke-dasharray="4 3"'),
        line(timed, 'stroke="#c4540a" stroke-width="1.5"'),
        line(ratios(instructions), 'stroke="#0b5fa5" stroke-width="2"'),
    ]
    for size, ratio in ratios(instructions):
        x, y = place(size, ratio).split(",")
        parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="#0b5fa5"/>')
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{size:,}</text>')
    parts.append("</svg>\n")
    path.write_text("\n".join(parts))
