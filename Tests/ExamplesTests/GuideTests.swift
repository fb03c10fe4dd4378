// The Swift of README.md, CONTRIBUTING.md and Guides/, so that it compiles and does what the text says.
// DocumentationTests holds the texts to it, word for word.
import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

private func greatestDifference(_ a: Tensor, _ b: Tensor) -> Float {
  zip(a.values, b.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

@Suite("The code of the guides runs")
struct GuideTests {
  @Test("README: a model is made, trained, saved and loaded in ten lines")
  func readme() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      let x = random([64, 12, 10])
      let y = x.slice(0..<1, axis: 2).mean(axes: [1])

      var model = Sequential(inputSize: 10, seed: 1) {
        LSTM(64, returning: .everyStep)
        LSTM(32)
        Dense(1)
      }
      model.compile(optimizer: Adam(), loss: .meanSquaredError)
      try model.fit(x, y, epochs: 10)  // x: [B, T, 10], y: [B, 1]
      try model.save(to: path)
      let predictions = try Sequential(contentsOf: path).predict(x)

      #expect(predictions == model.predict(x))
    }
  }

  @Test("README: a forecaster says what comes next")
  func readmeForecast() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/sales.csv"
      let rows = (0..<80).map { "\($0),\(100 + 10 * ($0 % 4) + $0)" }
      try ("week,sales\n" + rows.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)

      let forecaster = try Forecaster.train(on: Series(contentsOf: path))
      for point in try forecaster.forecast().points {
        print(point.time, point.p10, point.median, point.p90)
      }

      let count = try forecaster.forecast().points.count
      #expect(count == forecaster.horizon)
    }
  }

  @Test("LSTM: the forget gate's bias starts at 1, and the steps by hand are the layer's")
  func cell() {
    var generator = RandomGenerator(seed: 1)
    let cell = LSTMCell(inputSize: 3, hiddenSize: 5, using: &generator)
    let x = Tensor.normal([2, 7, 3], using: &generator)  // [B, T, I]

    var state = cell.initialState(batch: 2)
    for time in 0..<7 {
      state = cell(x.at(time, axis: 1), state)
    }
    let lastOutput = LSTM(cell)(x)  // state.hidden, [B, H]

    #expect(greatestDifference(lastOutput, state.hidden) < 1e-6)
    let size = cell.hiddenSize
    let block = LSTMCell.Gate.forget.rawValue
    let forgetBias = cell.bias.slice(block * size..<(block + 1) * size, axis: 0)
    #expect(forgetBias == .ones([5]))
    #expect(cell.bias.sum().item == 5)
  }

  @Test("LSTM: outputs and states have the shapes the guide names")
  func shapes() {
    let x = random([2, 7, 3])

    let lstm = LSTM(inputSize: 3, hiddenSize: 5, returning: .everyStep)
    let outputs = lstm(x)  // [B, T, H]
    let (_, state) = lstm.scan(x)  // state.hidden and state.cell, [B, H]
    let (_, next) = lstm.scan(x, from: state)  // goes on from there

    #expect(outputs.shape == [2, 7, 5])
    #expect(state.cell.shape == [2, 5])
    #expect(next.hidden != state.hidden)
  }

  @Test("Backpropagation: a gradient is a value of the model's own type")
  func gradient() {
    let x = random([4, 3])
    let model = Dense(inputSize: 3, outputSize: 1)

    let (loss, gradient) = valueAndGradient(at: model) { model in
      model(x).squared.mean()
    }
    // gradient is a Dense: gradient.weight is the derivative of the loss by model.weight.

    #expect(loss > 0)
    #expect(gradient.weight.shape == model.weight.shape)
  }

  @Test("Backpropagation: a state from an earlier tape is a constant")
  func truncation() {
    let (x, y) = (random([2, 60, 1]), random([2, 60, 1], seed: 2))
    var model = StreamModel()
    var optimizer = Adam()
    var losses: [Float] = []

    var state: LSTM.State?
    for start in stride(from: 0, to: 60, by: 20) {
      let (part, target) = (x.slice(start..<start + 20, axis: 1), y.slice(start..<start + 20, axis: 1))
      var end = state
      let (loss, gradient) = valueAndGradient(at: model) { model in
        let (outputs, last) = model.lstm.scan(part, from: state)
        end = last
        return Loss.meanSquaredError(model.linear(outputs), target)
      }
      optimizer.update(&model, along: gradient)
      state = end
      losses.append(loss)
    }

    #expect(losses.count == 3)
    #expect(losses.allSatisfy { $0.isFinite })
  }

  @Test("Sequential: if and for in the braces, stacks, both directions")
  func builder() {
    let (isDeep, isBidirectional) = (true, true)

    let model = Sequential(inputSize: 8, seed: 1) {
      if isBidirectional {
        Bidirectional<LSTMCell>(32, returning: .everyStep)
      } else {
        LSTM(32, returning: .everyStep)
      }
      if isDeep {
        for size in [64, 48] { GRU(size, returning: .everyStep) }
        Dropout(0.2)
      }
      Stacked<LSTM>([32, 16], dropout: 0.1)
      Dense(3, activation: .softmax)
    }
    print(model.summary)

    #expect(model(random([2, 5, 8])).shape == [2, 3])
    #expect(model.layers.count == 6)
  }

  @Test("Regularization: in layers, in training, and at the start")
  func regularization() throws {
    let tokens = Tensor((0..<8 * 13).map { $0 * 7 % 200 }, shape: [8, 13])
    let (words, next) = (tokens.slice(0..<12, axis: 1), tokens.slice(1..<13, axis: 1))
    var generator = RandomGenerator(seed: 1)

    var model = Sequential(seed: 1) {
      Embedding(200, 32, dropout: 0.1)  // whole words
      LSTM(64, returning: .everyStep).regularized(
        by: Regularization(inputDropout: 0.2, recurrentDropout: 0.2, zoneoutCell: 0.1, weightDropout: 0.3))
      ActivationPenalty(temporal: 1)
      Dropout(0.4, mask: .sequence)  // one mask a sequence
      ActivationPenalty(activation: 2)
      Dense(200)
    }

    model.initialize("*.weight_ih*", using: &generator) { shape, generator in
      Initializer.heNormal(shape[0], shape[1], using: &generator)
    }
    model.initialize("*.bias_ih*", using: &generator) { shape, generator in
      Initializer.chrono(longestDependence: 100, of: LSTMCell.self, shape, using: &generator)
    }

    let before = model.predict(words)
    model.compile(optimizer: Adam(), loss: .crossEntropy)
    try model.fit(
      words, next, epochs: 2, clipping: .globalNorm(1),
      penalties: [.squares(1e-5, on: "*.weight_*"), .maximumNorm(3, on: "*.weight_hh*")],
      gradientNoise: GradientNoise(variance: 0.01))

    #expect(model.predict(words) != before)
    #expect(model.predict(words) == model.predict(words))
    let stack = Stacked<LSTM>([64, 32], dropout: 0.2).masked(by: .sequence)
    #expect(stack.configuration.dropoutMask == .sequence)
  }

  @Test("Regularization: examples in other forms while a model trains")
  func augmentation() throws {
    var generator = RandomGenerator(seed: 1)
    var model = Recurrent<GRUCell>(inputSize: 3, hiddenSize: 4, using: &generator)
    var adam = Adam()
    let sensors = Batch(random([16, 20, 3]), random([16, 4], seed: 2))

    let changes = try Augmentations("noise=0.05,scaling,time-warp")
    let history = try Trainer(epochs: 3, seed: 1).fit(&model, optimizer: &adam, examples: sensors, batchSize: 8) {
      model, batch in
      let seen = changes.whileTraining(StepValues(batch.input)) { changes, input, generator in
        changes.changed(series: input, channels: 3, using: &generator)
      }
      return Loss.meanSquaredError(model(seen).values, batch.target)
    }

    #expect(history.losses.count == 3)
  }

  @Test("Sequential: what fit can be told")
  func fitting() throws {
    var model = Sequential(inputSize: 2, seed: 1) {
      LSTM(8)
      Dense(1)
    }
    let x = random([40, 6, 2])
    let y = x.slice(0..<1, axis: 2).sum(axes: [1])

    model.compile(optimizer: Adam(learningRate: 0.01), loss: .meanSquaredError, metrics: [.meanAbsoluteError])
    let history = try model.fit(
      x, y, epochs: 50, batchSize: 16, validation: .fraction(0.2), schedule: .cosine(), clipping: .globalNorm(1),
      earlyStopping: EarlyStopping(patience: 5))
    print(history.validationLosses)

    #expect(history.validationLosses.count == history.epochs.count)
    #expect(history.losses.last! < history.losses[0])
  }

  @Test("Sequential: padding has no influence on a ragged batch")
  func ragged() throws {
    var model = Sequential(inputSize: 2, seed: 1) {
      LSTM(8, returning: .everyStep)
      Dense(1)
    }
    model.compile(optimizer: Adam(), loss: .meanSquaredError)
    let (first, second) = (random([5, 2]), random([3, 2], seed: 2))
    let targets = random([2, 5, 1], seed: 3)

    let padding = Tensor.zeros([2, 2])
    let x = stack([first, concatenate([second, padding], axis: 0)])  // [2, 5, 2], the second of 3 steps
    let outputs = model(x, lengths: [5, 3])
    try model.fit(x, targets, lengths: [5, 3], epochs: 2)

    #expect(outputs.shape == [2, 5, 1])
  }

  @Test("Sequential: a stream step by step is the scan")
  func stream() {
    var generator = RandomGenerator(seed: 1)
    let batch = random([2, 5, 3])
    let samples = (0..<5).map { batch.slice($0..<$0 + 1, axis: 1).reshaped([2, 3]) }
    var outputs: [Tensor] = []

    let cell = LSTMCell(inputSize: 3, hiddenSize: 16, using: &generator)
    var state = cell.initialState(batch: 2)
    for x in samples {  // each [2, 3]: a step of two streams
      cell.advance(&state, with: x)
      outputs.append(state.output)  // [2, 16]
    }

    #expect(stack(outputs, axis: 1) == LSTM(cell, returning: .everyStep)(batch))
  }

  @Test("Sequential: steps computed again give the same gradient")
  func longSequences() {
    let layer = LSTM(inputSize: 3, hiddenSize: 16)
    let x = random([2, 100, 3])
    let (all, whole) = valueAndGradient(at: layer) { $0.scan(x).outputs.sum() }

    let (value, gradient) = valueAndGradient(at: layer, checkpointInterval: 20) { $0.scan(x).outputs.sum() }

    #expect(value == all)
    for (a, b) in zip(gradient.tensors, whole.tensors) { #expect(greatestDifference(a, b) < 1e-3) }
  }

  @Test("Sequential: a struct of one's own is trained by Trainer and saved by its walk")
  func ownStruct() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      let (x, y) = (random([32, 10, 1]), random([32, 10, 1], seed: 2))

      var model = StreamModel()
      var optimizer = Adam()
      let trainer = Trainer(epochs: 3)
      try trainer.fit(&model, optimizer: &optimizer, examples: Batch(x, y)) { model, batch in
        Loss.meanSquaredError(model(batch.input), batch.target)
      }

      try ModelFile.write(model, kind: "stream", description: "version 1 of my model", to: path)
      var copy = StreamModel()
      try ModelFile.read(path, kind: "stream", description: String.self).load(into: &copy)

      #expect(copy(x) == model(x))
    }
  }

  @Test("Forecasting: a forecaster with choices of its own, its backtest, saved and loaded")
  func forecasting() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/airline.safetensors"

      var configuration = Forecaster.Configuration()
      configuration.horizon = 6
      configuration.epochs = 20
      configuration.seed = 7
      let forecaster = try Forecaster.train(on: .airline, configuration: configuration)
      if let backtest = forecaster.backtest {
        print("MASE \(backtest.mase), of the seasonal-naive forecast \(backtest.seasonalNaive.mase)")
      }
      try forecaster.save(to: path)
      let points = try Forecaster(contentsOf: path).forecast().points

      let again = try forecaster.forecast().points
      #expect(points == again)
      #expect(points.count == 6)
      #expect(points.allSatisfy { $0.p10 <= $0.median && $0.median <= $0.p90 })

      let paths = try forecaster.forecast(samples: 1000).samples  // [1000][horizon]
      let sums = paths.map { $0.reduce(0, +) }.sorted()
      print("the sum lies below \(sums[899]) with probability 0.9")

      #expect(paths.count == 1000 && paths[0].count == 6)
      let (low, high) = points.reduce((0.0, 0.0)) { ($0.0 + $1.p10, $0.1 + $1.p90) }
      #expect(low < sums[499] && sums[499] < sums[899] && sums[899] <= high + 6)
    }
  }
}

/// A model that reads a stream: an output at every step.
struct StreamModel: Module {
  var lstm = LSTM(inputSize: 1, hiddenSize: 16, returning: .everyStep)
  var linear = Dense(inputSize: 16, outputSize: 1)

  func callAsFunction(_ x: Tensor) -> Tensor { linear(lstm(x)) }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try lstm.forEachTensor(under: "lstm", body)
    try linear.forEachTensor(under: "linear", body)
  }
}
