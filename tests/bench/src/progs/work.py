# The work of prog-python, N rounds: what scripts do, without the libraries
# that are written in C: objects, dictionaries, strings, big numbers, sorting.
import re
import sys
from collections import defaultdict
from heapq import heappop, heappush


class Random:
    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 1103515245 + 12345) & 0x7fffffff
        return (self.state >> 8) % n


def queens(n, row=0, cols=0, left=0, right=0):
    if row == n:
        return 1
    found = 0
    for c in range(n):
        bit = 1 << c
        if not (cols & bit or left & (bit << row) or right & (bit << (n - row))):
            found += queens(n, row + 1, cols | bit, left | (bit << row), right | (bit << (n - row)))
    return found


class Shape:
    def __init__(self, w, h):
        self.w, self.h = w, h

    def area(self):
        return self.w * self.h


class Square(Shape):
    def __init__(self, w):
        super().__init__(w, w)


class Triangle(Shape):
    def area(self):
        return super().area() / 2


def shapes(random, num):
    makers = [lambda a, b: Shape(a, b), lambda a, b: Square(a), Triangle]
    made = [makers[random.below(3)](random.below(90), random.below(90)) for _ in range(num)]
    made.sort(key=lambda s: (s.area(), s.w))
    return sum(i * s.area() for i, s in enumerate(made))


def words(random, num):
    syllables = ['ka', 'to', 'mi', 'ren', 'su', 'lo', 'na', 'be']
    text = ' '.join(''.join(syllables[random.below(8)] for _ in range(1 + random.below(4)))
                    for _ in range(num))
    seen = defaultdict(int)
    for w in re.findall(r'\b[a-z]*(?:ka|ren)[a-z]*\b', text):
        seen[w] += 1
    best = sorted(seen.items(), key=lambda p: (-p[1], p[0]))[:3]
    return ', '.join('%s=%d' % p for p in best) + ' ' + str(len(text.title().split()))


def shortest(random, num):
    ways = defaultdict(list)
    for a in range(num):
        for _ in range(4):
            ways[a].append((random.below(num), 1 + random.below(50)))
    far, todo = {}, [(0, 0)]
    while todo:
        d, at = heappop(todo)
        if at in far:
            continue
        far[at] = d
        for to, cost in ways[at]:
            if to not in far:
                heappush(todo, (d + cost, to))
    return sum(far.values())


def digits(num):
    # Gibbons' spigot for pi
    q, r, t, k, n, l = 1, 0, 1, 1, 3, 3
    out = []
    while len(out) < num:
        if 4 * q + r - t < n * t:
            out.append(str(n))
            q, r, n = 10 * q, 10 * (r - n * t), 10 * (3 * q + r) // t - 10 * n
        else:
            q, r, t, k, n, l = (q * k, (2 * q + r) * l, t * l, k + 1,
                                (q * (7 * k + 2) + r * l) // (t * l), l + 2)
    return ''.join(out)


random = Random(4711)
for _ in range(int(sys.argv[1])):
    print(queens(6), shapes(random, 600), words(random, 800), shortest(random, 300), digits(150))
