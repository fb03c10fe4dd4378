// Whole convolutions of samples, line by line.

extension ConvolutionLines {
  /// All outputs `[N, size′…, O]` of an input `[N, size…, C]`.
  func forward(_ x: P, packed: Storage, outputs: Int, into target: M) {
    guard width > 0, outputs > 0 else { return }
    let (starts, sample) = (starts(channels), paddedCount * channels)
    let fill = { (index: Int, memory: M) in pad(x + index * inputCount * channels, into: memory) }
    forEachPaddedBlock(channels, fill) { block, padded in
      parallel(block.count * outputCount, grain: max(6, (1 << 18) / (width * outputs))) { rows in
        Self.forEachPart(rows, of: output) { index, line, range in
          let row = ((block.lowerBound + index) * output[0] * output[1] + line) * output[2] + range.lowerBound
          self.outputs(
            range, line: line, of: padded + index * sample, channels: channels, starts: starts, packed: packed.address,
            columns: outputs, into: target + row * outputs, step: outputs)
        }
      }
    }
    withExtendedLifetime(packed) {}
  }

  /// The gradient of the input, from that of the outputs, of strides of 1.
  func inputGradient(_ gradient: P, weight: P, outputs: Int, into target: M) {
    guard outputCount * outputs > 0, channels > 0 else {
      return kernels.fill(samples * inputCount * channels, 0, target)
    }
    let (starts, sample) = (starts(outputs), paddedCount * outputs)
    let packed = turnedPanels(weight, outputs: outputs)
    let fill = { (index: Int, memory: M) in
      padGradient(gradient + index * outputCount * outputs, outputs, into: memory)
    }
    forEachPaddedBlock(outputs, fill) { block, padded in
      parallel(block.count * inputCount, grain: max(6, (1 << 18) / (width * outputs))) { rows in
        Self.forEachPart(rows, of: input) { index, line, range in
          let row = ((block.lowerBound + index) * input[0] * input[1] + line) * input[2] + range.lowerBound
          inputGradients(
            range, line: line, of: padded + index * sample, outputs: outputs, starts: starts, packed: packed.address,
            into: target + row * channels, step: channels)
        }
      }
    }
    withExtendedLifetime(packed) {}
  }

  /// Adds to the gradient of the weights `[taps · C, O]`, of strides of 1.
  func addWeightGradient(of x: P, _ gradient: P, outputs: Int, to target: M) {
    guard width > 0, outputs > 0 else { return }
    let (sample, size) = (paddedCount * channels, paddedCount * outputs)
    let fill = { (index: Int, memory: M) in
      pad(x + index * inputCount * channels, into: memory)
      padGradient(gradient + index * outputCount * outputs, outputs, into: memory + sample)
    }
    forEachPaddedBlock(channels + outputs, fill) { block, padded in
      let part = WeightGradientPart(lines: self, sample: { P(padded + $0 * (sample + size)) }, target: target)
      addWeightGradients([part], samples: block.count, outputs: outputs) { P(padded + $0 * (sample + size) + sample) }
    }
  }

  /// Calls `body` with blocks of samples and memory of `channels` floats for each place of these with zeros around
  /// them, which `fill` has filled sample by sample.
  private func forEachPaddedBlock(
    _ channels: Int, _ fill: (_ sample: Int, _ memory: M) -> Void, _ body: (_ samples: Range<Int>, _ memory: M) -> Void
  ) {
    let size = paddedCount * channels
    var memory: Storage?
    forEachBlock(channels) { block in
      // The first block is the largest.
      let storage = memory ?? Storage(count: block.count * size)
      memory = storage
      parallel(block.count, grain: max(1, Tensor.elementGrain / max(size, 1))) { part in
        for index in part { fill(block.lowerBound + index, storage.pointer + index * size) }
      }
      body(block, storage.pointer)
      withExtendedLifetime(storage) {}
    }
  }
}
