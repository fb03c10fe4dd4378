// The Swift of Guides/Irregular.md, so that it compiles and does what the text says.
import Refrain
import Testing

@Suite("The code of the guide to irregular times runs")
struct IrregularGuideTests {
  private let batch = 48
  private let steps = 12

  /// Times with gaps between 0.1 and 3, and the two values of a process there: one oscillates, one fades.
  private var visits: (times: Tensor, values: Tensor, target: Tensor) {
    var generator = RandomGenerator(seed: 3)
    var (times, values, targets): ([Float], [Float], [Float]) = ([], [], [])
    for _ in 0..<batch {
      let start = 6 * generator.uniform()
      var time: Float = 0
      for _ in 0..<steps {
        time += 0.1 + 2.9 * generator.uniform()
        times.append(time)
        values += [wave(start + time), generator.uniform() - 0.5]
      }
      targets.append(wave(start + time + 0.5))
    }
    return (
      Tensor(times, shape: [batch, steps]), Tensor(values, shape: [batch, steps, 2]),
      Tensor(targets, shape: [batch, 1])
    )
  }

  /// A triangle of period 6.
  private func wave(_ time: Float) -> Float {
    let phase = (time / 6).truncatingRemainder(dividingBy: 1)
    return 1 - 4 * abs(phase - 0.5)
  }

  private func input(_ times: Tensor, _ values: Tensor) -> Tensor {
    let before = concatenate([times.slice(0..<1, axis: 1), times.slice(0..<steps - 1, axis: 1)], axis: 1)
    let elapsed = (times - before).reshaped([batch, steps, 1])  // 0 at the first step
    let x = concatenate([values, elapsed], axis: 2)  // [B, T, I], I = values + 1
    return x
  }

  @Test("The columns are values and the time since the step before")
  func columns() {
    let (times, values, _) = visits
    let x = input(times, values)
    #expect(x.shape == [batch, steps, 3])
    #expect(x.slice(0..<1, axis: 1).slice(2..<3, axis: 2) == .zeros([batch, 1, 1]))
    #expect(x[3, 5, 2] == times[3, 5] - times[3, 4])
    #expect(x[3, 5, 0] == values[3, 5, 0])
  }

  @Test("A T-LSTM learns from irregular steps")
  func timeAware() throws {
    let (times, values, y) = visits
    let x = input(times, values)
    let lengths = Array(repeating: steps, count: batch)

    var model = Sequential(inputSize: 3, seed: 1) {
      TimeAwareLSTM(16)
      Dense(1)
    }
    model.compile(optimizer: Adam(learningRate: 0.01), loss: .meanSquaredError)
    let history = try model.fit(x, y, lengths: lengths, epochs: 20)

    #expect(history.losses.last! < 0.7 * history.losses[0])
  }

  @Test("A phased LSTM is told the range of its periods")
  func phased() {
    let (times, values, _) = visits
    let x = input(times, values)
    let lengths = (0..<batch).map { 1 + $0 % steps }

    let options = PhasedLSTMCell.Options(shortestPeriod: 0.5, longestPeriod: 50, openRatio: 0.1)
    let phased = PhasedLSTM(inputSize: 3, hiddenSize: 16, returning: .everyStep, options: options)
    let outputs = phased(x, lengths: lengths)  // [B, T, 16]

    let stack = Stacked<PhasedLSTM>(inputSize: 3, hiddenSizes: [16, 16], returning: .everyStep)

    #expect(stack(x, lengths: lengths).shape == [batch, steps, 16])
    #expect(outputs.shape == [batch, steps, 16])
    let state = phased.scan(x).state
    #expect(abs(state.time[5, 0] - (times[5, steps - 1] - times[5, 0])) < 1e-4)
  }

  @Test("GRU-D reads what is there, and learns")
  func missing() throws {
    let (times, values, y) = visits
    let isMissing = Tensor((0..<batch * steps * 2).map { $0 % 7 < 3 ? 1 : 0 }, shape: [batch, steps, 2])
    let measured = input(times, select(isMissing, Tensor(.nan), values))

    var layer = GRUD(inputSize: 3, hiddenSize: 16)
    layer.cell.mean = Tensor([36.8, 72])  // of the training data; 0, the start, is right for standardised values
    let last = layer(measured)  // [B, 16]; NaN in `measured` is what was not measured

    #expect(last.shape == [batch, 16] && last.isFinite)

    let deep = Sequential(inputSize: 3, seed: 1) {
      GRUD(16, returning: .everyStep)
      LSTM(16)
      Dense(1)
    }

    var model = deep
    model.compile(optimizer: Adam(learningRate: 0.01), loss: .meanSquaredError)
    let history = try model.fit(measured, y, epochs: 20)
    #expect(history.losses.last! < 0.7 * history.losses[0])
    #expect(model.predict(measured).isFinite)
  }
}
