import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Tensors of every shape")
struct TensorShapeTests {
  static let broadcasts: [([Int], [Int])] = [
    ([], []), ([], [3]), ([1], []), ([3], [1]), ([2, 3], [3]), ([2, 3], [2, 1]), ([2, 1], [1, 3]), ([1, 1], [4, 5]),
    ([2, 3, 4], [3, 1]), ([2, 1, 4], [3, 1]), ([2, 1, 1, 5], [3, 4, 1]), ([1, 3, 1, 5], [2, 1, 4, 1]),
    ([2, 3, 4, 5], [1, 3, 4, 1]), ([2, 3, 4, 5], [2, 1, 1, 5]), ([6, 1, 2], [1, 5, 1]), ([40], [7, 40]),
    ([0], [1]), ([0, 3], [3]), ([2, 0], [2, 1]), ([2, 0, 4], [1, 1, 4]),
  ]

  @Test("broadcasting is NumPy's for every pair of shapes", arguments: broadcasts)
  func broadcasting(shapes: ([Int], [Int])) {
    for (first, second) in [shapes, (shapes.1, shapes.0)] {
      let (x, y) = (ramp(first, 1), ramp(second, 2))
      let rank = max(first.count, second.count)
      func padded(_ shape: [Int]) -> [Int] { Array(repeating: 1, count: rank - shape.count) + shape }
      let shape = zip(padded(first), padded(second)).map { $0 == 1 ? $1 : $0 }
      func value(_ tensor: Tensor, _ place: [Int]) -> Float {
        let own = padded(tensor.shape)
        return tensor.values[zip(place, own).reduce(0) { $0 * $1.1 + ($1.1 == 1 ? 0 : $1.0) }]
      }
      let places = (0..<shape.reduce(1, *)).map { place($0, in: shape) }
      let sum = x + y
      #expect(sum.shape == shape)
      #expect(sum.values == places.map { value(x, $0) + value(y, $0) })
      #expect((x - y).values == places.map { value(x, $0) - value(y, $0) })
      #expect(x.expanded(to: shape).values == places.map { value(x, $0) })

      let weights = ramp(shape, 3)
      let gradient = valueAndGradient(at: [x, y]) { (($0[0] - $0[1]) * weights).sum() }.gradient
      func gathered(_ tensor: Tensor) -> Tensor {
        var sums = [Float](repeating: 0, count: tensor.count)
        for (element, place) in places.enumerated() {
          let own = padded(tensor.shape)
          sums[zip(place, own).reduce(0) { $0 * $1.1 + ($1.1 == 1 ? 0 : $1.0) }] += weights.values[element]
        }
        return Tensor(sums, shape: tensor.shape)
      }
      expectClose(gradient[0], gathered(x), "the gradient by x")
      expectClose(gradient[1], gathered(y) * -1, "the gradient by y")
    }
  }

  static let sizes = [(1, 1, 1), (1, 7, 5), (5, 1, 3), (2, 3, 1), (6, 16, 16), (7, 17, 33), (13, 33, 65), (40, 50, 30)]

  @Test("matrix products of all sizes are what the sums say", arguments: sizes)
  func products(size: (rows: Int, columns: Int, depth: Int)) {
    let (rows, columns, depth) = size
    let (a, b, bias) = (ramp([rows, depth], 1), ramp([depth, columns], 2), ramp([columns], 3))
    let (left, right) = (a.values, b.values)
    let expected = Tensor(
      (0..<rows * columns).map { element in
        let (row, column) = (element / columns, element % columns)
        return Float(
          (0..<depth).reduce(0.0) { $0 + Double(left[row * depth + $1]) * Double(right[$1 * columns + column]) })
      }, shape: [rows, columns])
    expectClose(a.matrixProduct(b), expected)
    expectClose(a.transposed.matrixProduct(b, transposingSelf: true), expected)
    expectClose(a.matrixProduct(b.transposed, transposingOther: true), expected)
    expectClose(a.transposed.matrixProduct(b.transposed, transposingSelf: true, transposingOther: true), expected)
    expectClose(a.linear(weight: b.transposed, bias: bias), expected + bias)
    expectClose(stack([a, a * 2]).matrixProduct(stack([b, b])), stack([expected, expected * 2]))
  }

  @Test("sums over any axes are what the loops say")
  func sums() {
    let x = ramp([3, 4, 5, 6])
    for axes in [[0], [1], [2], [3], [0, 1], [0, 2], [1, 3], [2, 3], [0, 1, 3], [0, 1, 2, 3]] {
      let kept = x.shape.enumerated().map { axes.contains($0) ? 1 : $1 }
      var sums = [Double](repeating: 0, count: kept.reduce(1, *))
      for (element, value) in x.values.enumerated() {
        sums[zip(place(element, in: x.shape), kept).reduce(0) { $0 * $1.1 + ($1.1 == 1 ? 0 : $1.0) }] += Double(value)
      }
      let expected = Tensor(sums.map(Float.init), shape: kept)
      expectClose(x.sum(axes: axes, keepingAxes: true), expected, "axes \(axes)")
      #expect(x.sum(axes: axes).shape == x.shape.indices.filter { !axes.contains($0) }.map { x.shape[$0] })
      let count = Float(axes.reduce(1) { $0 * x.shape[$1] })
      expectClose(x.mean(axes: axes, keepingAxes: true), expected / count, "the mean over \(axes)")
    }
  }

  @Test("empty tensors go through every operation")
  func empty() {
    let none = Tensor.zeros([0, 3])
    #expect((none + 1).shape == [0, 3])
    #expect(tanh(none).shape == [0, 3])
    #expect(none.sum().item == 0)
    #expect(none.sum(axes: [0]).values == [0, 0, 0])
    #expect(none.sum(axes: [1]).shape == [0])
    #expect(none.transposed.shape == [3, 0])
    #expect(none.softmax().shape == [0, 3])
    #expect(none.logSoftmax().shape == [0, 3])
    #expect(none.maximum(axis: -1).shape == [0])
    #expect(none.matrixProduct(ramp([3, 2])).shape == [0, 2])
    #expect(ramp([2, 3]).matrixProduct(Tensor.zeros([3, 0])).shape == [2, 0])
    #expect(Tensor.zeros([2, 0]).matrixProduct(Tensor.zeros([0, 3])) == .zeros([2, 3]))
    #expect(
      Tensor.zeros([2, 0]).linear(weight: .zeros([3, 0]), bias: Tensor([1, 2, 3])).values == [1, 2, 3, 1, 2, 3])
    #expect(ramp([4, 3]).gatheringRows([]).shape == [0, 3])
    #expect(none.scatteringRows(to: [], count: 2) == .zeros([2, 3]))
    #expect(concatenate([none, ramp([2, 3]), none], axis: 0) == ramp([2, 3]))
    #expect(ramp([2, 3]).slice(1..<1, axis: 0).shape == [0, 3])
    #expect(none.reshaped([3, -1]).shape == [3, 0])
    #expect(select(none, none, none).shape == [0, 3])
    #expect(LayerNorm(size: 3)(none).shape == [0, 3])
    #expect(none.isFinite)

    let gradient = valueAndGradient(at: [none, ramp([3, 2]), ramp([2])]) { x in
      (x[0].matrixProduct(x[1]) + x[2]).sum() + tanh(x[0]).sum() + x[0].softmax().sum()
        + x[0].linear(weight: x[1].transposed, bias: x[2]).sum()
    }.gradient
    #expect(gradient[0].shape == [0, 3] && gradient[1] == .zeros([3, 2]) && gradient[2] == .zeros([2]))
  }

  @Test("axes of size 1 and scalars go through every operation")
  func single() {
    let one = Tensor([2], shape: [1, 1, 1])
    #expect(one.softmax().values == [1])
    #expect(one.logSoftmax().values == [0])
    #expect(one.transposed.shape == [1, 1, 1])
    #expect(one.maximum(axis: -1).shape == [1, 1])
    #expect(one.sum(axes: [0, 1, 2]).shape == [])
    #expect(one.matrixProduct(one).values == [4])
    #expect((one + ramp([2, 2, 2])).shape == [2, 2, 2])
    let scalar = Tensor(3)
    #expect((scalar * scalar).shape == [] && (scalar * scalar).item == 9)
    #expect(exp(scalar * 0).item == 1)
    #expect(scalar.sum().item == 3 && scalar.mean().item == 3)
    #expect(scalar.expanded(to: [2, 2]).values == [3, 3, 3, 3])
    #expect(scalar.reshaped([1, 1]).shape == [1, 1])
    #expect(stack([scalar, scalar + 1]).values == [3, 4])
    #expect(valueAndGradient(at: scalar) { $0 * $0 * $0 }.gradient.item == 27)
  }

  @Test("softmax neither overflows nor loses a distribution at ±10,000")
  func stableSoftmax() {
    let x = Tensor([[1e4, -1e4, 0, 9.999e3], [-1e4, -1e4, -1e4, -1e4], [1e4, 1e4, -1e4, 1e4]])
    let (y, logarithm) = (x.softmax(), x.logSoftmax())
    #expect(y.isFinite && logarithm.isFinite)
    expectClose(y.sum(axes: [1]), .ones([3]))
    expectClose(y.at(1, axis: 0), Tensor(repeating: 0.25, shape: [4]))
    let sum: Float = 1.367_879_4  // 1 + 1 / e
    expectClose(y.at(0, axis: 0), Tensor([1 / sum, 0, 0, 1 - 1 / sum]))
    // The sum's logarithm, 0.31, must not be lost beside 10,000.
    expectClose(exp(logarithm), y)
    let gradient = valueAndGradient(at: x) { ($0.logSoftmax() * ramp([3, 4])).sum() }.gradient
    #expect(gradient.isFinite)
    expectClose(gradient.sum(axes: [1]), .zeros([3]))
  }

  @Test("what select does not choose has no influence, be it infinite or no number")
  func unselected() {
    let condition = Tensor([1, 0, 1, 0])
    let yes = Tensor([1, .nan, 3, .infinity])
    let no = Tensor([.infinity, 20, .nan, 40])
    let gradient = valueAndGradient(at: [yes, no]) { x in
      (select(condition, x[0] * x[0], sqrt(x[1])) * Tensor([1, 2, 3, 4])).sum()
    }
    #expect(select(condition, yes, no).values == [1, 20, 3, 40])
    #expect(gradient.value.isFinite)
    let chosen = valueAndGradient(at: [yes, no]) { (select(condition, $0[0], $0[1]) * Tensor([1, 2, 3, 4])).sum() }
    #expect(chosen.gradient[0].values == [1, 0, 3, 0])
    #expect(chosen.gradient[1].values == [0, 2, 0, 4])
    #expect(select(Tensor([1, 0]), Tensor(5), ramp([3, 1])).shape == [3, 2])
  }

  @Test("comparisons give 1 and 0 and let no gradient through")
  func comparisons() {
    let (x, y) = (Tensor([1, 2, 3]), Tensor([3, 2, 1]))
    #expect(greater(x, y).values == [0, 0, 1])
    #expect(equal(x, y).values == [0, 1, 0])
    #expect(valueAndGradient(at: x) { (greater($0, y) + equal($0, y)).sum() }.gradient.values == [0, 0, 0])
    #expect(Tensor([[3, 9, 9], [4, 1, 2]]).argmax() == [1, 0])
  }
}
