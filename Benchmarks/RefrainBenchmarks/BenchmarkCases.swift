import ArgumentParser
import Refrain

/// What `refrain-benchmark` can time. Names, shapes and modes are those of `Benchmarks/peers.py`.
enum BenchmarkSet: String, CaseIterable, ExpressibleByArgument {
  case speed, gru, ragged, programs, cells, int8, memory, frames

  static let allValueDescriptions = [
    "speed": "an LSTM layer in seven shapes, forward and training",
    "gru": "the same with a GRU layer",
    "ragged": "training on 16 sequences of 50 to 500 steps, LSTM and GRU",
    "programs": "whole training steps of four models: forward, loss, backward, update",
    "cells": "every cell Refrain has, in the shapes medium and small, forward and training, beside the LSTM",
    "int8": "LSTM, GRU and Dense layers with weights of bytes and of bfloat16, beside those of floats",
    "frames": "training a convolutional LSTM over images in three shapes",
    "memory": "training on sequences of 2,000 steps, all kept for the backward pass or 50 at a time, and the memory",
  ]

  /// The heading of a table.
  var title: String {
    switch self {
    case .speed: "LSTM layer"
    case .gru: "GRU layer"
    case .ragged: "Ragged batch"
    case .programs: "Training steps"
    case .cells: "Cells"
    case .int8: "Layers of bytes and bfloat16"
    case .memory: "Memory of training"
    case .frames: "Sequences of images"
    }
  }

  /// What is timed.
  ///
  /// - Parameter most: No layer is larger than this in any of its sizes; less than is timed shows that each case runs.
  func cases(ofSizesTo most: Int = .max) -> [BenchmarkCase] {
    let shapes = BenchmarkShape.all.map { $0.limited(to: most) }
    switch self {
    case .speed: return shapes.flatMap { $0.cases(of: LSTMCell.self, gates: 4) }
    case .gru: return shapes.flatMap { $0.cases(of: GRUCell.self, gates: 3) }
    case .ragged: return [raggedTraining(of: LSTMCell.self), raggedTraining(of: GRUCell.self)]
    case .programs: return BenchmarkCase.programs
    case .cells:
      let shapes = [BenchmarkShape.medium, .small].map { $0.limited(to: most) }
      let lstms = shapes.map { $0.makeCell(LSTMCell.self).parameterCount }
      return Cells.all.flatMap { cell in
        zip(shapes, lstms).flatMap { $0.cases(ofAnyCell: cell, besideLSTMOf: $1) }
      }
    case .int8:
      return shapes.flatMap { shape in
        SmallWeights.allCases.flatMap {
          [shape.forward(of: LSTMCell.self, gates: 4, with: $0), shape.forward(of: GRUCell.self, gates: 3, with: $0)]
        }
      } + [1, 64].flatMap { rows in SmallWeights.allCases.map { .dense(rows: rows, with: $0) } }
    case .frames: return ImageShape.all.map(\.training)
    case .memory:
      return [nil, 50].flatMap {
        [
          longTraining(of: LSTMCell.self, ofSizesTo: most, checkpointInterval: $0),
          longTraining(of: GRUCell.self, ofSizesTo: most, checkpointInterval: $0),
        ]
      }
    }
  }
}

extension BenchmarkSet {
  /// Whether the operations of its cases are known.
  var countsOperations: Bool { self == .speed || self == .gru || self == .cells || self == .int8 }

  /// The heading over what is said of the speed beside a reference.
  var reference: String { self == .cells ? "Time, × LSTM" : "× floats" }

  /// What a table says of it: of cells the time that an operation takes, for which there is a bound.
  func beside(_ speed: Double) -> Double { self == .cells ? 1 / speed : speed }
}

/// Weights of fewer bits than those of floats.
enum SmallWeights: String, CaseIterable {
  case int8, bfloat16

  /// The matrix with such weights.
  func callAsFunction(_ matrix: Tensor) -> Tensor {
    switch self {
    case .int8: matrix.quantized()
    case .bfloat16: matrix.roundedToBFloat16()
    }
  }

  /// A cell with such weights.
  func callAsFunction<Cell: RecurrentCell>(_ cell: Cell) -> Cell { cell.mapTensors { self($0) } }
}

/// A batch of sequences `[B, T, I]` and a layer of H units.
struct BenchmarkShape {
  let name: String
  let time, batch, inputSize, hiddenSize: Int

  static let medium = BenchmarkShape(name: "medium", time: 100, batch: 64, inputSize: 128, hiddenSize: 256)
  static let small = BenchmarkShape(name: "small", time: 50, batch: 32, inputSize: 64, hiddenSize: 128)
  static let all = [
    BenchmarkShape(name: "step", time: 1, batch: 1, inputSize: 128, hiddenSize: 128),
    BenchmarkShape(name: "stream", time: 100, batch: 1, inputSize: 64, hiddenSize: 128),
    small,
    medium,
    BenchmarkShape(name: "large", time: 50, batch: 64, inputSize: 512, hiddenSize: 512),
    BenchmarkShape(name: "narrow", time: 100, batch: 128, inputSize: 10, hiddenSize: 64),
    BenchmarkShape(name: "odd", time: 35, batch: 20, inputSize: 200, hiddenSize: 200),
  ]

  /// The same with no size above `most`.
  func limited(to most: Int) -> BenchmarkShape {
    BenchmarkShape(
      name: name, time: min(time, most), batch: min(batch, most), inputSize: min(inputSize, most),
      hiddenSize: min(hiddenSize, most))
  }

  /// Forward and training of a cell with `gates` products of (I + H) · H a step.
  func cases<Cell: RecurrentCell>(of cell: Cell.Type, gates: Int) -> [BenchmarkCase] {
    let operations = Double(2 * time * batch * gates * hiddenSize * (inputSize + hiddenSize))
    return [
      forward(of: cell, name: name, mode: "\(Cell.name)-forward", operations: operations),
      training(of: cell, name: name, mode: "\(Cell.name)-train", operations: 3 * operations),
    ]
  }

  /// Forward and training of any cell, held against the LSTM and the memory. Its operations are a multiply-add for each
  /// weight at each step: how often the step uses it is not known.
  ///
  /// - Parameter lstmParameters: The number of parameters of an LSTM of this shape.
  func cases<Cell: RecurrentCell>(ofAnyCell cell: Cell.Type, besideLSTMOf lstmParameters: Int) -> [BenchmarkCase] {
    let made = makeCell(cell)
    func beside(_ benchmark: BenchmarkCase, _ reference: BenchmarkCase, isTraining: Bool = false) -> BenchmarkCase {
      var result = benchmark
      result.bytes = leastTraffic(of: made, isTraining: isTraining)
      result.reference = reference.operations.map { ($0, reference.prepare) }
      return result
    }
    let own = Double(2 * time * batch * made.parameterCount)
    let those = Double(2 * time * batch * lstmParameters)
    return [
      beside(
        forward(of: cell, name: Cell.name, mode: "\(name)-forward", operations: own),
        forward(of: LSTMCell.self, name: "", mode: "", operations: those)),
      beside(
        training(of: cell, name: Cell.name, mode: "\(name)-train", operations: 3 * own),
        training(of: LSTMCell.self, name: "", mode: "", operations: 3 * those), isTraining: true),
    ]
  }

  /// Forward of a cell with weights of fewer bits, held against the same of floats.
  func forward<Cell: RecurrentCell>(of cell: Cell.Type, gates: Int, with weights: SmallWeights) -> BenchmarkCase {
    let operations = Double(2 * time * batch * gates * hiddenSize * (inputSize + hiddenSize))
    func body(_ weights: SmallWeights?) -> () -> () -> Void {
      {
        var (layer, x) = makeLayer(cell)
        if let weights { layer.cell = weights(layer.cell) }
        let fixed = layer
        return time == 1 ? oneStep(fixed.cell, x.reshaped([batch, inputSize])) : { _ = fixed.scan(x) }
      }
    }
    return BenchmarkCase(
      name: name, mode: "\(Cell.name)-\(weights)", operations: operations,
      reference: (operations, body(nil)), prepare: body(weights))
  }

  private func forward<Cell: RecurrentCell>(
    of cell: Cell.Type, name: String, mode: String, operations: Double? = nil
  ) -> BenchmarkCase {
    BenchmarkCase(name: name, mode: mode, operations: operations) {
      let (layer, x) = makeLayer(cell)
      return time == 1 ? oneStep(layer.cell, x.reshaped([batch, inputSize])) : { _ = layer.scan(x) }
    }
  }

  fileprivate func training<Cell: RecurrentCell>(
    of cell: Cell.Type, name: String, mode: String, lengths: [Int]? = nil, checkpointInterval: Int? = nil,
    operations: Double? = nil
  ) -> BenchmarkCase {
    BenchmarkCase(name: name, mode: mode, operations: operations) {
      let (layer, x) = makeLayer(cell)
      return {
        _ = valueAndGradient(at: layer, checkpointInterval: checkpointInterval) {
          $0.scan(x, lengths: lengths).outputs.sum()
        }
      }
    }
  }

  func makeCell<Cell: RecurrentCell>(_ cell: Cell.Type) -> Cell {
    var generator = RandomGenerator(seed: 0)
    return Cell(inputSize: inputSize, hiddenSize: hiddenSize, using: &generator)
  }

  private func makeLayer<Cell: RecurrentCell>(_ cell: Cell.Type) -> (layer: Recurrent<Cell>, input: Tensor) {
    var generator = RandomGenerator(seed: 0)
    let layer = Recurrent<Cell>(inputSize: inputSize, hiddenSize: hiddenSize, using: &generator)
    let input = Tensor.normal([batch, time, inputSize], using: &generator)
    guard Cell.lastColumn != nil else { return (layer, input) }
    // Times and scores: with others states grow beyond all bounds.
    let last = Tensor.uniform([batch, time, 1], using: &generator)
    return (layer, concatenate([input.slice(0..<inputSize - 1, axis: 2), last], axis: 2))
  }
}

/// One step after another of streams `[B, I]`, with the state in the caller's hands.
private func oneStep<Cell: RecurrentCell>(_ cell: Cell, _ x: Tensor) -> () -> Void {
  var state = cell.initialState(batch: x.shape[0])
  return { cell.advance(&state, with: x) }
}

/// Training on a batch whose sequences differ in length: 55 % of the steps are valid.
private func raggedTraining<Cell: RecurrentCell>(of cell: Cell.Type) -> BenchmarkCase {
  let shape = BenchmarkShape(name: "ragged", time: 500, batch: 16, inputSize: 64, hiddenSize: 128)
  return shape.training(
    of: cell, name: shape.name, mode: "\(Cell.name)-train", lengths: (0..<16).map { 500 - 30 * $0 })
}

/// Training on long sequences, with the memory it takes.
private func longTraining<Cell: RecurrentCell>(
  of cell: Cell.Type, ofSizesTo most: Int, checkpointInterval: Int?
) -> BenchmarkCase {
  let shape = BenchmarkShape(name: "long", time: 2000, batch: 16, inputSize: 64, hiddenSize: 128).limited(to: most)
  let mode = "\(Cell.name)-train" + (checkpointInterval.map { "-\($0)-steps" } ?? "")
  var result = shape.training(of: cell, name: shape.name, mode: mode, checkpointInterval: checkpointInterval)
  result.countsMemory = true
  return result
}

extension BenchmarkCase {
  /// The scores of 10,000 words from 512 numbers, with weights of fewer bits, held against the same of floats.
  static func dense(rows: Int, with weights: SmallWeights) -> BenchmarkCase {
    let (inputs, words) = (512, 10_000)
    func body(_ weights: SmallWeights?) -> () -> () -> Void {
      {
        var generator = RandomGenerator(seed: 0)
        var weight = Tensor.normal([words, inputs], using: &generator)
        let (bias, x) = (Tensor.zeros([words]), Tensor.normal([rows, inputs], using: &generator))
        if let weights { weight = weights(weight) }
        let fixed = weight
        return { _ = x.linear(weight: fixed, bias: bias) }
      }
    }
    let operations = Double(2 * rows * inputs * words)
    return BenchmarkCase(
      name: "\(rows) × \(inputs) → \(words)", mode: "dense-\(weights)", operations: operations,
      reference: (operations, body(nil)), prepare: body(weights))
  }

  /// The name of what is no layer and no program, but a limit of both.
  static let peakName = "peak"

  /// The speed of one core with everything in registers: the limit of every product.
  static var multiplyAddPeak: BenchmarkCase {
    let repetitions = 200_000
    return BenchmarkCase(
      name: peakName, mode: "multiply-add", threads: 1,
      operations: Double(InstructionSet.multiplyAddOperations(repetitions))
    ) { { _ = InstructionSet.multiplyAddOperations(repetitions) } }
  }

  /// Three models for sequences, and the small language model of Zaremba, Sutskever and Vinyals (2014).
  static var programs: [BenchmarkCase] {
    [
      regressor("lstm50-dense1", time: 10, inputSize: 1, hiddenSizes: [50]),
      regressor("lstm64-lstm32-dense1", time: 20, inputSize: 10, hiddenSizes: [64, 32]),
      program("lstm128-softmax10", optimizer: Adam(), loss: .crossEntropy) { generator in
        let model = Sequential(inputSize: 64, seed: 0) {
          LSTM(128)
          Dense(10)
        }
        let classes = Tensor.classes(10, [32], using: &generator)
        return (model, Batch(.normal([32, 100, 64], using: &generator), classes))
      },
      program("ptb-small", optimizer: SGD(learningRate: 1), loss: .crossEntropy, clipping: 5) { generator in
        let words = 10_000
        let model = Sequential(seed: 0) {
          Embedding(words, 200)
          LSTM(200, returning: .everyStep)
          LSTM(200, returning: .everyStep)
          Dense(words)
        }
        let text = Tensor.classes(words, [20, 21], using: &generator)
        return (model, Batch(text.slice(0..<20, axis: 1), text.slice(1..<21, axis: 1)))
      },
    ]
  }

  /// A number from a sequence, by one LSTM on another.
  private static func regressor(_ name: String, time: Int, inputSize: Int, hiddenSizes: [Int]) -> BenchmarkCase {
    program(name, optimizer: Adam(), loss: .meanSquaredError) { generator in
      let model = Sequential(inputSize: inputSize, seed: 0) {
        for size in hiddenSizes.dropLast() { LSTM(size, returning: .everyStep) }
        LSTM(hiddenSizes[hiddenSizes.count - 1])
        Dense(1)
      }
      return (
        model,
        Batch(.normal([32, time, inputSize], using: &generator), .normal([32, 1], using: &generator))
      )
    }
  }

  /// A step of training as in a loop of one's own: forward, loss, backward, clipping, update.
  private static func program<O: Optimizer>(
    _ name: String, optimizer: O, loss: Loss, clipping limit: Float? = nil,
    _ make: @escaping (inout RandomGenerator) -> (model: Sequential, batch: Batch)
  ) -> BenchmarkCase {
    BenchmarkCase(name: name, mode: "program-step") {
      var generator = RandomGenerator(seed: 0)
      var optimizer = optimizer
      var (model, batch) = make(&generator)
      return {
        var gradient = valueAndGradient(at: model) { loss($0(batch.input), batch.target) }.gradient
        if let limit { gradient.clip(globalNorm: limit) }
        optimizer.update(&model, along: gradient)
      }
    }
  }
}

extension Tensor {
  /// Indices of classes or words below `count`, drawn evenly.
  fileprivate static func classes(_ count: Int, _ shape: [Int], using generator: inout RandomGenerator) -> Tensor {
    Tensor((0..<shape.reduce(1, *)).map { _ in Int.random(in: 0..<count, using: &generator) }, shape: shape)
  }
}
