import Foundation
import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Differentiation on a tape")
struct TapeTests {
  /// A group of groups, as a user might write one.
  struct Model: Module {
    var first: Dense
    var others: [Dense]
    var scale: Tensor

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try first.forEachTensor(under: "first", body)
      try others.forEachTensor(under: "others", body)
      try scale.forEachTensor(under: "scale", body)
    }
  }

  @Test("a gradient is a value of the model's own type, with nested groups and arrays")
  func nested() {
    let model = Model(
      first: Dense(inputSize: 3, outputSize: 4, activation: .tanh),
      others: [Dense(inputSize: 4, outputSize: 4), Dense(inputSize: 4, outputSize: 2)], scale: Tensor(2))
    #expect(
      model.namedTensors.map(\.name) == [
        "first.weight", "first.bias", "others.0.weight", "others.0.bias", "others.1.weight", "others.1.bias", "scale",
      ])
    #expect(model.parameterCount == 12 + 4 + 16 + 4 + 8 + 2 + 1)
    let x = ramp([5, 3])
    expectGradientMatchesDifferences(at: model) { model in
      [model.others.reduce(model.first(x)) { $1($0) } * model.scale]
    }
    let unused = valueAndGradient(at: model) { ($0.first(x) * 2).sum() }.gradient
    #expect(unused.others.allSatisfy { $0.weight == .zeros($0.weight.shape) } && unused.scale == Tensor(0))
  }

  @Test("gradients of a model used twice add up")
  func usedTwice() {
    let layer = Dense(inputSize: 3, outputSize: 2, activation: .sigmoid)
    let (x, y) = (ramp([4, 3]), ramp([6, 3], 2))
    let both = valueAndGradient(at: layer) { $0(x).sum() + $0(y).sum() }
    let (first, second) = (valueAndGradient(at: layer) { $0(x).sum() }, valueAndGradient(at: layer) { $0(y).sum() })
    #expect((both.value - first.value - second.value).magnitude < 1e-4)
    expectClose(both.gradient.weight, first.gradient.weight + second.gradient.weight)
    expectClose(both.gradient.bias, first.gradient.bias + second.gradient.bias)
    let doubled = valueAndGradient(at: layer) { model in
      let y = model(x)
      return (y + y).sum()
    }
    expectClose(doubled.gradient.weight, first.gradient.weight * 2)
  }

  @Test("a tensor from outside, a detached one and one from an earlier tape are constants")
  func constants() {
    let x = Tensor([1, 2, 3])
    nonisolated(unsafe) var kept = Tensor(0)
    let first = valueAndGradient(at: x) { x in
      kept = x * x
      return kept.sum()
    }
    #expect(first.gradient.values == [2, 4, 6])
    #expect(valueAndGradient(at: x) { ($0 * kept).sum() }.gradient.values == [1, 4, 9])
    // The earlier tape's own variable has the place that the new one's has now.
    nonisolated(unsafe) var watched = Tensor(0)
    _ = valueAndGradient(at: x) { x in
      watched = x
      return x.sum()
    }
    #expect(valueAndGradient(at: x) { ($0 * watched).sum() }.gradient.values == [1, 2, 3])
    #expect(valueAndGradient(at: x) { ($0 * $0.detached).sum() }.gradient.values == [1, 2, 3])
    #expect(valueAndGradient(at: x) { _ in kept.sum() }.gradient.values == [0, 0, 0])
    let changed = valueAndGradient(at: x) { x in
      var y = x
      y[0] = 10
      return (x * y).sum()
    }
    #expect(changed.gradient.values == [10, 2, 3])
  }

  @Test("the state kept from one batch is a constant to the next: truncated backpropagation")
  func truncation() {
    let layer = LSTM(inputSize: 2, hiddenSize: 3)
    let x = ramp([2, 8, 2])
    let (early, late) = (x.slice(0..<4, axis: 1), x.slice(4..<8, axis: 1))
    nonisolated(unsafe) var state = layer.cell.initialState(batch: 2)
    _ = valueAndGradient(at: layer) { layer in
      let result = layer.scan(early)
      state = result.state
      return result.outputs.sum()
    }
    let kept = state
    let truncated = valueAndGradient(at: layer) { $0.scan(late, from: kept).outputs.sum() }
    let detached = layer.scan(early).state
    let expected = valueAndGradient(at: layer) { $0.scan(late, from: detached).outputs.sum() }
    let whole = valueAndGradient(at: layer) { layer in layer.scan(late, from: layer.scan(early).state).outputs.sum() }
    #expect(truncated.value == expected.value && truncated.value == whole.value)
    expectSameBits(truncated.gradient, expected.gradient)
    #expect(truncated.gradient.cell.weightInput != whole.gradient.cell.weightInput)
  }

  @Test("a tape within a tape sees the outer one's tensors as constants")
  func tapeWithinTape() {
    let x = Tensor([1, 2])
    let outer = valueAndGradient(at: x) { x in
      let inner = valueAndGradient(at: Tensor([3, 4])) { ($0 * x).sum() }
      return (x * inner.gradient).sum()
    }
    #expect(outer.gradient.values == [1, 2])
  }

  @Test("the loss may throw, and its error comes through")
  func throwing() {
    struct Problem: Error, Equatable { var number = 7 }
    #expect(throws: Problem()) {
      try valueAndGradient(at: Tensor(1)) { x throws(Problem) in
        if x.item == 1 { throw Problem() }
        return x
      }
    }
    #expect(Tape.current == nil)
  }

  @Test("the gradient of an embedding has the used rows alone, and equals the dense one")
  func sparseRows() throws {
    let table = ramp([50, 3])
    let indices = [7, 3, 7, 49, 3, 7]
    let weights = ramp([6, 3], 2)
    let gradient = valueAndGradient(at: table) { ($0.gatheringRows(indices) * weights).sum() }.gradient
    let sparse = try #require(gradient.sparseRows)
    #expect(sparse.indices == [3, 7, 49])
    #expect(sparse.values.shape == [3, 3])
    let oneHot = Tensor(
      indices.flatMap { index in (0..<50).map { $0 == index ? Float(1) : 0 } }, shape: [indices.count, 50])
    let dense = valueAndGradient(at: table) { (oneHot.matrixProduct($0) * weights).sum() }.gradient
    #expect(dense.sparseRows == nil)
    expectClose(gradient, dense)
  }

  @Test("sparse gradients of two uses are joined, and with a dense one they become dense")
  func sparseSums() throws {
    let table = ramp([10, 2])
    let twice = valueAndGradient(at: table) { table in
      (table.gatheringRows([1, 4]) * 2).sum() + (table.gatheringRows([4, 8, 4]) * 3).sum()
    }.gradient
    #expect(try #require(twice.sparseRows).indices == [1, 4, 8])
    #expect(twice.at(1, axis: 0).values == [2, 2] && twice.at(4, axis: 0).values == [8, 8])
    #expect(twice.at(8, axis: 0).values == [3, 3] && twice.at(0, axis: 0).values == [0, 0])
    let mixed = valueAndGradient(at: table) { $0.gatheringRows([4]).sum() + $0.sum() + $0.gatheringRows([5]).sum() }
    #expect(mixed.gradient.at(4, axis: 0).values == [2, 2] && mixed.gradient.at(5, axis: 0).values == [2, 2])
    #expect(mixed.gradient.at(0, axis: 0).values == [1, 1])
  }

  @Test("a sparse gradient is a tensor like any other")
  func sparseArithmetic() {
    let gradient = valueAndGradient(at: ramp([4, 2])) { $0.gatheringRows([2]).sum() }.gradient
    #expect(gradient.values == [0, 0, 0, 0, 1, 1, 0, 0])
    #expect((gradient * 2 + 1).values == [1, 1, 1, 1, 3, 3, 1, 1])
    #expect(gradient[2, 1] == 1 && gradient.isFinite)
    var written = gradient
    written[0, 0] = 5
    #expect(written.values == [5, 0, 0, 0, 1, 1, 0, 0] && written.sparseRows == nil)
    #expect(gradient[0, 0] == 0)
  }

  @Test("20,000 recurrent steps fit a stack of 512 KB: forward, backward and release", .timeLimit(.minutes(20)))
  func longLoop() throws {
    let steps = 20_000
    nonisolated(unsafe) var result: (value: Float, gradient: TanhRNNCell)?
    nonisolated(unsafe) var abandoned = false
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      struct Abandoned: Error {}
      var generator = RandomGenerator(seed: 3)
      let cell = TanhRNNCell(inputSize: 1, hiddenSize: 1, using: &generator)
      let input = Tensor([[0.5]])
      func run(_ cell: TanhRNNCell) -> Tensor {
        var state = cell.initialState(batch: 1)
        for _ in 0..<steps { state = cell(input, state) }
        return state.hidden.sum()
      }
      result = valueAndGradient(at: cell, of: run)
      do {
        _ = try valueAndGradient(at: cell) { cell in
          _ = run(cell)
          throw Abandoned()
        }
      } catch { abandoned = true }
      done.signal()
    }
    thread.stackSize = 512 << 10
    thread.start()
    done.wait()
    let found = try #require(result)
    #expect(abandoned)
    #expect(found.value.isFinite && found.gradient.tensors.allSatisfy { $0.isFinite })
    #expect(found.gradient.weightInput[0, 0] != 0)
  }
}
