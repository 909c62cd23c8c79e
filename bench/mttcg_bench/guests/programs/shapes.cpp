/* shapes: virtual calls: a scene of shapes of six classes, asked by rays; lists of pointers to base classes, templates. */
extern "C" {
#include "program.h"
}

volatile uint64_t rounds = 4;

namespace {

using Number = int64_t;

struct Point {
    Number x, y, z;
    Point operator+(const Point &other) const { return {x + other.x, y + other.y, z + other.z}; }
    Point operator-(const Point &other) const { return {x - other.x, y - other.y, z - other.z}; }
    Point operator*(Number by) const { return {x * by, y * by, z * by}; }
};

Number dot(const Point &one, const Point &other) { return one.x * other.x + one.y * other.y + one.z * other.z; }

class Visitor;

class Shape {
  public:
    virtual bool holds(const Point &point) const = 0;
    virtual Number weight() const { return 1; }
    virtual void accept(Visitor &visitor) const = 0;
};

class Ball;
class Box;
class Half;
class Both;
class Either;
class Without;

class Visitor {
  public:
    virtual void visit(const Ball &) = 0;
    virtual void visit(const Box &) = 0;
    virtual void visit(const Half &) = 0;
    virtual void visit(const Both &) = 0;
    virtual void visit(const Either &) = 0;
    virtual void visit(const Without &) = 0;
};

class Ball final : public Shape {
  public:
    Point center{};
    Number radius = 0;
    bool holds(const Point &point) const override {
        Point from = point - center;
        return dot(from, from) <= radius * radius;
    }
    Number weight() const override { return radius; }
    void accept(Visitor &visitor) const override { visitor.visit(*this); }
};

class Box final : public Shape {
  public:
    Point low{}, high{};
    bool holds(const Point &point) const override {
        return point.x >= low.x && point.x < high.x && point.y >= low.y && point.y < high.y && point.z >= low.z && point.z < high.z;
    }
    void accept(Visitor &visitor) const override { visitor.visit(*this); }
};

class Half final : public Shape {
  public:
    Point up{};
    Number height = 0;
    bool holds(const Point &point) const override { return dot(up, point) <= height; }
    Number weight() const override { return height / 2; }
    void accept(Visitor &visitor) const override { visitor.visit(*this); }
};

class Pair : public Shape {
  public:
    const Shape *one = nullptr, *other = nullptr;
    Number weight() const override { return one->weight() + other->weight(); }
};

class Both final : public Pair {
  public:
    bool holds(const Point &point) const override { return one->holds(point) && other->holds(point); }
    void accept(Visitor &visitor) const override { visitor.visit(*this); }
};

class Either final : public Pair {
  public:
    bool holds(const Point &point) const override { return one->holds(point) || other->holds(point); }
    void accept(Visitor &visitor) const override { visitor.visit(*this); }
};

class Without final : public Pair {
  public:
    bool holds(const Point &point) const override { return one->holds(point) && !other->holds(point); }
    Number weight() const override { return one->weight(); }
    void accept(Visitor &visitor) const override { visitor.visit(*this); }
};

class Counter final : public Visitor {
  public:
    uint64_t sum = 0;
    void visit(const Ball &ball) override { sum = mixed(sum, static_cast<uint64_t>(ball.radius)); }
    void visit(const Box &box) override { sum = mixed(sum, static_cast<uint64_t>(box.low.x)); }
    void visit(const Half &half) override { sum = mixed(sum, static_cast<uint64_t>(half.height)); }
    void visit(const Both &pair) override { go(pair, 1); }
    void visit(const Either &pair) override { go(pair, 2); }
    void visit(const Without &pair) override { go(pair, 3); }

  private:
    void go(const Pair &pair, uint64_t kind) {
        sum = mixed(sum, kind);
        pair.one->accept(*this);
        pair.other->accept(*this);
    }
};

template <typename Kind, int size> class Pool {
  public:
    Kind *make() { return items + used++ % size; }

  private:
    Kind items[size];
    int used = 0;
};

Pool<Ball, 64> balls;
Pool<Box, 64> boxes;
Pool<Half, 64> halves;
Pool<Both, 64> boths;
Pool<Either, 64> eithers;
Pool<Without, 64> withouts;

Number small() { return static_cast<Number>(next_random() % 64); }

Point somewhere() { return {small(), small(), small()}; }

template <typename Kind> Shape *pair(Kind *made, const Shape *one, const Shape *other) {
    made->one = one;
    made->other = other;
    return made;
}

Shape *simple() {
    switch (next_random() % 3) {
    case 0: {
        Ball *ball = balls.make();
        ball->center = somewhere();
        ball->radius = 8 + small() / 2;
        return ball;
    }
    case 1: {
        Box *box = boxes.make();
        box->low = somewhere();
        box->high = box->low + Point{20, 30, 25};
        return box;
    }
    default: {
        Half *half = halves.make();
        half->up = somewhere() - somewhere();
        half->height = small() * 32;
        return half;
    }
    }
}

Shape *scene(int depth) {
    if (depth == 0) {
        return simple();
    }
    const Shape *one = scene(depth - 1), *other = scene(depth - 1);
    switch (next_random() % 3) {
    case 0: return pair(boths.make(), one, other);
    case 1: return pair(eithers.make(), one, other);
    default: return pair(withouts.make(), one, other);
    }
}

uint64_t shot(const Shape &shape) {
    Point from = somewhere(), step = somewhere() - Point{32, 32, 32};
    uint64_t changes = 0;
    bool inside = false;
    for (Number at = 0; at < 64; at++) {
        Point scaled = step * at;
        Point place = from + Point{scaled.x / 16, scaled.y / 16, scaled.z / 16};
        bool now = shape.holds(place);
        changes += now != inside ? static_cast<uint64_t>(at) : 0;
        inside = now;
    }
    return changes;
}

} // namespace

static uint64_t work(uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t round = 0; round < count; round++) {
        const Shape *shape = scene(4);
        Counter counter;
        shape->accept(counter);
        sum = mixed(mixed(sum, counter.sum), static_cast<uint64_t>(shape->weight()));
        for (int ray = 0; ray < 40; ray++) {
            sum = mixed(sum, shot(*shape));
        }
    }
    return sum;
}
