import RefrainTestSupport
import Testing

@testable import Refrain

#if canImport(Glibc)
  import Glibc
#endif

/// How much memory training takes. Each test counts in a process of its own, where no other test allocates.
@Suite("Memory")
struct MemoryTests {
  @Test("a training step holds at most 1.2 times what it must")
  func trainingStep() async {
    await #expect(processExitsWith: .success) {
      let (batch, time, inputSize, hiddenSize) = (32, 50, 64, 128)
      var generator = RandomGenerator(seed: 1)
      var layer = LSTM(inputSize: inputSize, hiddenSize: hiddenSize, returning: .everyStep, using: &generator)
      let input = Tensor.normal([batch, time, inputSize], using: &generator)
      var optimizer = Adam()
      // Not counted: the input, which is the caller's.
      let before = TensorMemory.bytes - layer.parameterCount * 4
      var peak = 0
      for _ in 0..<3 {
        let held = TensorMemory.bytes - before
        peak =
          held
          + TensorMemory.peak {
            let gradient = valueAndGradient(at: layer) { $0.scan(input).outputs.sum() }.gradient
            optimizer.update(&layer, along: gradient)
          }
      }
      // Kept for the backward pass: gates, cell states and outputs; and the outputs' gradient, which comes from the
      // loss.
      let activations = batch * time * hiddenSize * (4 + 1 + 1 + 1) * 4
      // Parameters, gradients, and Adam's two moments.
      let needed = activations + 4 * layer.parameterCount * 4
      let ratio = Double(peak) / Double(needed)
      print("peak memory of a training step: \(ratio) of what it needs")
      precondition(ratio <= 1.2, "\(ratio)")
    }
  }

  @Test("what a peak took is given back, and what a step wants again and again is kept")
  func unwanted() {
    let pool = BufferPool()
    func step(_ counts: [Int]) {
      for (pointer, capacity) in counts.map(pool.take) { pool.give(pointer, capacity) }
    }
    let (large, small) = (BufferPool.capacity(for: 1 << 20), BufferPool.capacity(for: 1000))
    pool.age(at: 0)
    step([1 << 20, 1 << 20, 1000, 1000])
    #expect(pool.kept == 2 * large + 2 * small && pool.live == 0)
    // Before its span has ended, and in the one in which they were wanted, they are kept.
    pool.age(at: BufferPool.span - 1)
    pool.age(at: BufferPool.span)
    #expect(pool.kept == 2 * large + 2 * small)
    step([1 << 20, 1000])
    step([1000])
    pool.age(at: 2 * BufferPool.span)
    #expect(pool.kept == large + small)
    step([1000])
    pool.age(at: 3 * BufferPool.span)
    #expect(pool.kept == small)
    // What was live when a span ended is as good as a peak in the next.
    pool.age(at: 4 * BufferPool.span)
    let blocks = (0..<3).map { _ in pool.take(1 << 20) }
    pool.age(at: 5 * BufferPool.span)
    for (pointer, capacity) in blocks { pool.give(pointer, capacity) }
    #expect(pool.kept == 3 * large)
    pool.age(at: 6 * BufferPool.span)
    pool.age(at: 7 * BufferPool.span)
    #expect(pool.kept == 0 && pool.live == 0)
  }

  #if canImport(Glibc)
    @Test(
      "where memory runs out, what is kept is given back; if that is not enough, the process ends with a line and 71")
    func exhausted() async {
      let result = await #expect(processExitsWith: .exitCode(71), observing: [\.standardErrorContent]) {
        let megabyte = 1 << 18
        let pool = BufferPool()
        for (pointer, capacity) in (0..<8).map({ _ in pool.take(64 * megabyte) }) { pool.give(pointer, capacity) }
        precondition(pool.kept == 512 * megabyte)
        let pages = Int(textFile("/proc/self/statm")?.split(separator: " ").first ?? "") ?? 0
        precondition(pages > 0)
        // There are 100 MB more than the process has, and none of them for 256 beside 512.
        let most = rlim_t(pages * sysconf(Int32(_SC_PAGESIZE)) + 100 << 20)
        var limit = rlimit(rlim_cur: most, rlim_max: most)
        precondition(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
        precondition(TensorMemory.addressSpaceLimit == Int(most))
        let (pointer, capacity) = pool.take(256 * megabyte)
        (pointer[0], pointer[capacity - 1]) = (1, 2)
        precondition(pool.kept == 0 && pool.live == capacity)
        _ = pool.take(1024 * megabyte)
      }
      let message = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
      #expect(message.contains("refrain: there is not enough memory for a tensor of 1074 MB within the "))
    }
  #endif

  @Test("what threads take is counted as if all ran at once, and what was held before is not")
  func peak() async {
    await #expect(processExitsWith: .success) {
      Parallelism.threads = 4
      let kilobyte = BufferPool.capacity(for: 256) * 4
      let held = Storage(count: 4096)
      let bytes = TensorMemory.peak {
        parallel(8, multiple: 2) { part in
          // One after the other takes no more than one.
          for _ in part { _ = Storage(count: 256) }
          parallel(2) { inner in
            for _ in inner { _ = Storage(count: 256) }
          }
        }
        _ = Storage(count: 512)
      }
      precondition(bytes == 4 * kilobyte, "\(bytes)")
      precondition(TensorMemory.peak { _ = Storage(count: 256) } == kilobyte)
      precondition(
        TensorMemory.peak { withExtendedLifetime(Storage(count: 4096)) { parallel(2) { _ in } } } == 16 * kilobyte)
      // A peak of before the threads is no part of what they take, and is not forgotten.
      let earlier = TensorMemory.peak {
        _ = Storage(count: 4096)
        parallel(2) { _ in _ = Storage(count: 256) }
      }
      precondition(earlier == 16 * kilobyte, "\(earlier)")
      withExtendedLifetime(held) {}
    }
  }

  @Test("steps that are computed again save most of the memory of a long sequence, in every cell")
  func recomputation() async {
    await #expect(processExitsWith: .success) {
      for cell in Cells.all { checkRecomputation(cell) }
    }
  }

  @Test("learning from data leaves no second copy of them, and a loop over time packs its weights once")
  func keptForms() async {
    await #expect(processExitsWith: .success) {
      var generator = RandomGenerator(seed: 1)
      let layer = Dense(inputSize: 10, outputSize: 1, using: &generator)
      let x = Tensor.normal([1000, 10], using: &generator)
      var held = TensorMemory.bytes
      _ = valueAndGradient(at: layer) { $0(x, lengths: nil).sum() }
      precondition(TensorMemory.bytes - held < 10_000, "\(TensorMemory.bytes - held) bytes after learning")
      let (h, weight) = (Tensor.normal([1, 64], using: &generator), Tensor.normal([256, 64], using: &generator))
      held = TensorMemory.bytes
      for _ in 0..<3 { _ = h.matrixProduct(weight, transposingOther: true) }
      precondition(TensorMemory.bytes - held >= 4 * 64 * 256, "the weights are packed anew at each step")
    }
  }

  #if os(Linux)
    @Test("nothing grows over 10,000 steps of training")
    func growth() async {
      await #expect(processExitsWith: .success) {
        var generator = RandomGenerator(seed: 1)
        var model = LSTM(inputSize: 3, hiddenSize: 8, using: &generator)
        let input = Tensor.normal([4, 5, 3], using: &generator)
        var optimizer = Adam()
        var state = model.cell.initialState(batch: 1)
        let row = Tensor.normal([1, 3], using: &generator)
        func residentPages() -> Int {
          guard let file = fopen("/proc/self/statm", "r") else { return 0 }
          defer { fclose(file) }
          var text = [CChar](repeating: 0, count: 128)
          guard fgets(&text, 128, file) != nil else { return 0 }
          let fields = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: " ")
          return Int(fields[1]) ?? 0
        }
        func steps(_ count: Int) {
          for step in 0..<count {
            let checkpointInterval = step % 2 == 0 ? nil : 2
            var gradient = valueAndGradient(at: model, checkpointInterval: checkpointInterval) {
              $0.scan(input).outputs.sum()
            }.gradient
            gradient.clip(.globalNorm(1))
            optimizer.update(&model, along: gradient)
            model.cell.advance(&state, with: row)
          }
        }
        steps(1000)
        let bytes = TensorMemory.bytes
        var pages = residentPages()
        // The process itself settles by some eighty pages of 4 KB, and its allocator takes a megabyte more once, after
        // 3,000 steps or 10,000; a tensor lost at each step would be more than 280 of each 9,000 steps.
        let growths = (0..<2).map { _ in
          steps(9000)
          defer { pages = residentPages() }
          return residentPages() - pages
        }
        let growth = growths.min() ?? 0
        print("resident pages: \(pages), in 9,000 steps twice \(growths) more")
        precondition(TensorMemory.bytes == bytes, "\(TensorMemory.bytes) bytes of tensors, before \(bytes)")
        precondition(pages > 0 && growth < 200, "\(growths) pages more")
      }
    }
  #endif

  @Test("steps that are computed again give the same gradient", arguments: CellTests.names, [1, 2, 4, 100])
  func sameGradient(name: String, checkpointInterval: Int) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 5, time: 7, inputSize: 3, hiddenSize: 17)
      for direction in Direction.allCases {
        let schedule = Schedule(batch: 5, time: 7, lengths: [3, 7, 0, 5, 7], direction: direction)
        let weights = passage.outcome(schedule).ramps
        func gradient(_ checkpointInterval: Int?) -> (value: Float, gradient: Passage<Cell>) {
          valueAndGradient(at: passage, checkpointInterval: checkpointInterval) { passage in
            zip(passage.outcome(schedule).tensors, weights).map { ($0 * $1).sum() }.reduce(Tensor(0), +)
          }
        }
        let (expected, found) = (gradient(nil), gradient(checkpointInterval))
        if Cell.self == MatrixLSTMCell.self {
          // Its steps are computed side by side, as many as there are.
          expectClose(Tensor(found.value), Tensor(expected.value))
        } else {
          #expect(found.value == expected.value)
        }
        for (a, b) in zip(found.gradient.namedTensors, expected.gradient.namedTensors) {
          expectClose(a.tensor, b.tensor, "\(a.name)")
        }
      }
    }
    check(try cellType(name))
  }

  @Test("one segment gives the same bits, more of them those of scans one after another", arguments: CellTests.names)
  func segments(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 3, time: 6, inputSize: 3, hiddenSize: 16)
      let schedule = Schedule(batch: 3, time: 6)
      let weights = passage.outcome(schedule).ramps
      func loss(_ outcome: Outcome<Cell.State>) -> Tensor {
        zip(outcome.tensors, weights).map { ($0 * $1).sum() }.reduce(Tensor(0), +)
      }
      func gradient(_ interval: Int?) -> Passage<Cell> {
        valueAndGradient(at: passage, checkpointInterval: interval) { loss($0.outcome(schedule)) }.gradient
      }
      expectSameBits(gradient(6), gradient(nil), "the gradient by")
      let halves = valueAndGradient(at: passage) { passage in
        let first = passage.cell.scan(
          passage.input.slice(0..<3, axis: 1), from: passage.state, along: Schedule(batch: 3, time: 3))
        let second = passage.cell.scan(
          passage.input.slice(3..<6, axis: 1), from: first.state, along: Schedule(batch: 3, time: 3))
        return loss(
          Outcome(outputs: concatenate([first.outputs, second.outputs], axis: 1), state: second.state))
      }.gradient
      let found = gradient(3)
      expectSameBits(found.input, halves.input, "the gradient by the input")
      expectSameBits(found.state, halves.state, "the gradient by the state")
      expectClose(found.cell, halves.cell, "the gradient by")
    }
    check(try cellType(name))
  }

  @Test("steps under masks that are computed again give the same gradient", arguments: CellTests.names)
  func masks(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      let passage = Passage<Cell>(batch: 4, time: 7, inputSize: 3, hiddenSize: 8)
      let schedule = Schedule(batch: 4, time: 7, lengths: [3, 7, 0, 5])
      var masks = StepMasks()
      func mask(_ shape: [Int], _ period: Int) -> Tensor {
        Tensor((0..<shape.product).map { $0 % period == 0 ? 1 : 0 }, shape: shape)
      }
      if let hidden = passage.state.tensor("hidden"), hidden.shape == [4, 8] {
        masks.recurrent = 2 * mask([4, 8], 3)
        masks.keptHidden = mask([schedule.count, 8], 5)
      }
      if let cell = passage.state.tensor("cell") {
        masks.keptCell = mask([schedule.count] + cell.shape.dropFirst(), 7)
      }
      func gradient(_ interval: Int?) -> Passage<Cell> {
        valueAndGradient(at: passage, checkpointInterval: interval) { passage in
          let result = passage.cell.scan(passage.input, from: passage.state, along: schedule, masks: masks)
          let tensors = [result.outputs] + result.state.tensors
          return tensors.enumerated().map { ($1 * ramp($1.shape, Double($0))).sum() }.reduce(Tensor(0), +)
        }.gradient
      }
      expectClose(gradient(2), gradient(nil), "the gradient by")
    }
    check(try cellType(name))
  }
}

/// Stops where a training step of a long sequence takes as much memory when steps are computed again.
private func checkRecomputation<Cell: RecurrentCell>(_ type: Cell.Type) {
  var generator = RandomGenerator(seed: 1)
  let layer = Recurrent<Cell>(inputSize: 8, hiddenSize: 64, using: &generator)
  let input = Tensor.normal([8, 640, 8], using: &generator)
  func peak(_ checkpointInterval: Int?) -> Int {
    TensorMemory.peak {
      _ = valueAndGradient(at: layer, checkpointInterval: checkpointInterval) { $0.scan(input).state.output.sum() }
    }
  }
  let (all, some) = (peak(nil), peak(32))
  print("\(Cell.name), 640 steps: \(all >> 10) KB, with 32 kept at a time \(some >> 10) KB")
  // The outputs of all steps are there in any case; an Elman network keeps as much again, and no more.
  precondition(some * 3 < all * 2, "\(Cell.name): \(some) of \(all)")
}
