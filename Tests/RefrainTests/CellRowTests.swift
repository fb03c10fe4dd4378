import RefrainTestSupport
import Testing

@testable import Refrain

/// Rows of a batch are sequences that must not know of each other, nor of padding, nor of threads.
@Suite("The rows of a batch, in every cell")
struct CellRowTests {
  private static let lengths = [3, 6, 0, 5, 6, 1, 2, 6]
  private static let hiddenSizes = [5, 17]

  @Test("a row is the same whatever its neighbors are, to the bit", arguments: CellTests.names, hiddenSizes)
  func neighbors(name: String, hiddenSize: Int) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 8, time: 6, inputSize: 3, hiddenSize: hiddenSize)
      for direction in Direction.allCases {
        let schedule = Schedule(batch: 8, time: 6, lengths: Self.lengths, direction: direction)
        let outcome = passage.outcome(schedule)
        let weights = outcome.ramps
        let gradient = passage.differentiated(schedule, weights: weights).gradient
        for row in 0..<8 {
          // The same row among neighbors of other values and lengths, one of them no number.
          var others = Passage<Cell>(batch: 8, time: 6, inputSize: 3, hiddenSize: hiddenSize, phase: 9)
          others.cell = passage.cell
          let input = Tensor(
            (0..<8 * 6 * 3).map { index in
              index / 18 == row ? passage.input.values[index] : index / 18 == (row + 1) % 8 ? .nan : Float(index)
            }, shape: [8, 6, 3])
          let state = passage.state.replacingTensors(
            zip(passage.state.tensors, others.state.tensors).map { mine, other in
              stack((0..<8).map { ($0 == row ? mine : other).at($0, axis: 0) })
            })
          var lengths = [6, 1, 6, 2, 0, 4, 3, 5]
          lengths[row] = Self.lengths[row]
          let changed = Passage(cell: passage.cell, input: input, state: state)
          let changedSchedule = Schedule(batch: 8, time: 6, lengths: lengths, direction: direction)
          let (found, foundGradient) = changed.differentiated(changedSchedule, weights: weights)
          expectSameBits(found.mapTensors { rows([row], of: $0) }, outcome.mapTensors { rows([row], of: $0) })
          expectSameBits(rows([row], of: foundGradient.input), rows([row], of: gradient.input), "the input's gradient")
          expectSameBits(
            foundGradient.state.mapTensors { rows([row], of: $0) }, gradient.state.mapTensors { rows([row], of: $0) },
            "the gradient of the state")
        }
      }
    }
    check(try cellType(name))
  }

  @Test("a row in a batch is the same as alone, to the bit", arguments: CellTests.names, hiddenSizes)
  func alone(name: String, hiddenSize: Int) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 8, time: 6, inputSize: 3, hiddenSize: hiddenSize)
      for direction in Direction.allCases {
        let outcome = passage.outcome(
          Schedule(batch: 8, time: 6, lengths: Self.lengths, direction: direction))
        for row in 0..<8 {
          let length = Self.lengths[row]
          let single = Passage(
            cell: passage.cell, input: rows([row], of: passage.input).slice(0..<length, axis: 1),
            state: passage.state.mapTensors { rows([row], of: $0) })
          let found = single.outcome(Schedule(batch: 1, time: length, direction: direction))
          expectSameBits(found.outputs, rows([row], of: outcome.outputs).slice(0..<length, axis: 1), "row \(row)")
          expectSameBits(found.state, outcome.state.mapTensors { rows([row], of: $0) }, "row \(row)")
          let padding = rows([row], of: outcome.outputs).slice(length..<6, axis: 1)
          #expect(padding == .zeros(padding.shape))
        }
      }
    }
    check(try cellType(name))
  }

  @Test("a ragged batch has the gradients of its sequences run one by one", arguments: CellTests.names)
  func separateRuns(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 8, time: 6, inputSize: 3, hiddenSize: 5)
      for direction in Direction.allCases {
        let schedule = Schedule(batch: 8, time: 6, lengths: Self.lengths, direction: direction)
        let weights = passage.outcome(schedule).ramps
        let together = passage.differentiated(schedule, weights: weights).gradient
        let oneByOne = valueAndGradient(at: passage) { passage in
          var loss = Tensor(0)
          for (row, length) in Self.lengths.enumerated() {
            let part = Passage(
              cell: passage.cell, input: rows([row], of: passage.input).slice(0..<length, axis: 1),
              state: passage.state.mapTensors { rows([row], of: $0) })
            let outcome = part.outcome(Schedule(batch: 1, time: length, direction: direction))
            loss += (outcome.outputs * rows([row], of: weights[0]).slice(0..<length, axis: 1)).sum()
            for (tensor, weight) in zip(outcome.state.tensors, weights.dropFirst()) {
              loss += (tensor * rows([row], of: weight)).sum()
            }
          }
          return loss
        }.gradient
        expectClose(together, oneByOne, "\(direction): the gradient by")
      }
    }
    check(try cellType(name))
  }

  @Test("what stands in the padding has no influence on outputs, states or gradients", arguments: CellTests.names)
  func padding(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 8, time: 6, inputSize: 3, hiddenSize: 5)
      let isValid = Tensor(
        (0..<48).map { $0 % 6 < Self.lengths[$0 / 6] ? Float(1) : 0 }, shape: [8, 6, 1])
      for direction in Direction.allCases {
        let schedule = Schedule(batch: 8, time: 6, lengths: Self.lengths, direction: direction)
        let weights = passage.outcome(schedule).ramps
        for garbage in [Float.nan, .infinity, 1e30] {
          var spoiled = passage
          spoiled.input = select(isValid, passage.input, Tensor(garbage))
          for byLoop in [false, true] {
            let clean = passage.differentiated(schedule, byLoop: byLoop, weights: weights)
            let found = spoiled.differentiated(schedule, byLoop: byLoop, weights: weights)
            expectSameBits(found.outcome, clean.outcome, "\(direction), \(garbage)")
            expectSameBits(found.gradient, clean.gradient, "\(direction), \(garbage): the gradient by")
            let beyond = select(isValid, Tensor(0), found.gradient.input)
            #expect(beyond == .zeros([8, 6, 3]))
          }
        }
      }
    }
    check(try cellType(name))
  }

  @Test("the order of the rows changes nothing but the order of the results", arguments: CellTests.names)
  func order(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 8, time: 6, inputSize: 3, hiddenSize: 5)
      let order = [4, 2, 7, 0, 5, 1, 6, 3]
      let shuffled = Passage(
        cell: passage.cell, input: rows(order, of: passage.input),
        state: passage.state.mapTensors { rows(order, of: $0) })
      let outcome = passage.outcome(Schedule(batch: 8, time: 6, lengths: Self.lengths))
      let found = shuffled.outcome(Schedule(batch: 8, time: 6, lengths: order.map { Self.lengths[$0] }))
      expectSameBits(found, outcome.mapTensors { rows(order, of: $0) })
    }
    check(try cellType(name))
  }
}

/// The number of threads belongs to the whole process, so these do not run side by side.
@Suite("Any number of threads gives the same bits", .serialized)
struct ThreadTests {
  private func results<Value>(_ compute: () -> Value) -> [Value] {
    let threads = Parallelism.threads
    defer { Parallelism.threads = threads }
    return [1, 2, 3].map { count in
      Parallelism.threads = count
      return compute()
    }
  }

  @Test("in the scan of every cell, with its gradients", arguments: CellTests.names)
  func scans(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 17, time: 24, inputSize: 19, hiddenSize: 50)
      // None is 0: a row left out would then look the same.
      let lengths = (0..<17).map { 1 + ($0 * 7) % 24 }
      let schedule = Schedule(batch: 17, time: 24, lengths: lengths)
      #expect(schedule.count * 50 * 69 >= 2 << 18, "too little work for two threads")
      let weights = passage.outcome(schedule).ramps
      let found = results { passage.differentiated(schedule, weights: weights) }
      for other in found.dropFirst() {
        expectSameBits(other.outcome, found[0].outcome)
        expectSameBits(other.gradient, found[0].gradient, "the gradient by")
      }
    }
    check(try cellType(name))
  }

  @Test("in scans whose threads share the units, not the rows", arguments: ["lstm", "gru-reset-before"])
  func manyWeights(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 5, time: 7, inputSize: 30, hiddenSize: 420)
      let weights = 3 * 420 * (420 + 30)
      #expect(weights > 1 << 19, "too few weights")
      let schedule = Schedule(batch: 5, time: 7, lengths: [7, 1, 4, 7, 6])
      let found = results { passage.outcome(schedule) }
      for other in found.dropFirst() { expectSameBits(other, found[0]) }
    }
    check(try cellType(name))
  }

  @Test("in scans and steps of one row, whose threads share the units", arguments: ["lstm", "gru-reset-before"])
  func manyWeightsOfOneRow(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let (time, size) = (6, 30)
      let passage = Passage<Cell>(batch: 1, time: time, inputSize: size, hiddenSize: 420)
      let weights = 3 * 420 * (420 + size)
      #expect(weights > 1 << 19, "too few weights")
      let scans = results { passage.outcome(Schedule(batch: 1, time: time)) }
      let steps = results {
        var state = passage.state
        for step in 0..<time {
          passage.cell.advance(&state, with: passage.input.slice(step..<step + 1, axis: 1).reshaped([1, size]))
        }
        return state
      }
      for (scan, state) in zip(scans, steps) {
        expectSameBits(scan, scans[0])
        expectSameBits(state, scans[0].state)
      }
    }
    check(try cellType(name))
  }

  @Test("in cross entropy over many classes, with its weights and biases")
  func crossEntropy() {
    let (x, weight, bias) = (ramp([40, 24]), ramp([5000, 24], 2), ramp([5000], 3))
    let targets = Tensor((0..<40).map { $0 * 119 })
    let found = results {
      valueAndGradient(at: [x, weight, bias]) {
        Loss.crossEntropy(smoothing: 0.1)($0[0].linear(weight: $0[1], bias: $0[2]), targets)
      }
    }
    for other in found.dropFirst() {
      #expect(other.value == found[0].value)
      expectSameBits(other.gradient, found[0].gradient)
    }
  }

  @Test("in sums, and where one value is repeated")
  func sums() {
    let x = ramp([300, 700])
    let found = results { () -> [Tensor] in
      let all = valueAndGradient(at: x) { $0.sum() + ($0.sum(axes: [0]) * 0.5).sum() }
      // Many, because a single float seldom shows how it was added up.
      return [all.gradient, x.sum(axes: [0]), x.sum(axes: [1]), x.reshaped([3, 100, 700]).sum(axes: [1])]
        + (1...40).map { (x * Float($0) + 0.1).sum() }
    }
    for other in found.dropFirst() { expectSameBits(other, found[0]) }
    #expect(found[0][0] == Tensor(repeating: 1.5, shape: [300, 700]))
    for column in [0, 15, 699] {
      let sum = (0..<300).reduce(0.0) { $0 + Double(x[$1, column]) }
      #expect(abs(Double(found[0][1][column]) - sum) < 1e-4)
    }
    expectSameBits(found[0][3].slice(0..<1, axis: 0).reshaped([700]), x.slice(0..<100, axis: 0).sum(axes: [0]))
  }

  @Test("in convolutions, with their gradients")
  func convolutions() {
    let operands = [random([3, 20, 20, 32]), random([16, 3, 3, 32], seed: 2), random([3, 3, 32], seed: 3)]
    let found = results {
      valueAndGradient(at: operands) { x in
        x[0].convolution(weight: x[1]).squared.sum() + x[0].depthwiseConvolution(weight: x[2]).squared.sum()
      }
    }
    for other in found.dropFirst() {
      #expect(other.value == found[0].value)
      expectSameBits(other.gradient, found[0].gradient)
    }
  }

  @Test("in products, elementwise functions and softmax")
  func operations() {
    let operands = [ramp([90, 300]), ramp([300, 170], 2), ramp([170], 3), ramp([1, 300], 4)]
    let found = results {
      valueAndGradient(at: operands) { x in
        let y = tanh(x[0].matrixProduct(x[1]) + x[2])
        let z = x[3].matrixProduct(x[1]).linear(weight: x[1].slice(0..<170, axis: 0), bias: x[2])
        return (y.softmax() * y.logSoftmax()).sum() + (gelu(y) * z).sum()
      }
    }
    for other in found.dropFirst() {
      #expect(other.value == found[0].value)
      expectSameBits(other.gradient, found[0].gradient)
    }
  }
}
