#if arch(x86_64)
  internal import CProcessor
  #if canImport(Darwin)
    import Darwin
  #endif

  /// What an x86-64 processor and the operating system say of its instructions. The choice of an ``InstructionSet`` is
  /// a function of these words alone, so that it can be tested with the words of any machine.
  ///
  /// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 13.3 and 15.2 (how to detect
  /// AVX-512), and volume 2, CPUID; AMD64 Architecture Programmer's Manual, volume 3, appendix E.
  struct ProcessorFeatures: Sendable, Equatable {
    /// Register C of leaf 1.
    var basic: UInt32
    /// Register B of leaf 7, part 0; zero where the processor has no such leaf.
    var extended: UInt32
    /// XCR0: the registers that the operating system saves when it changes tasks; zero where it says nothing (no
    /// OSXSAVE).
    var saved: UInt64
    /// Register C of leaf 7, part 0; zero where the processor has no such leaf.
    var further: UInt32 = 0
    /// Register A of leaf 7, part 1; zero where the processor has no such part.
    var second: UInt32 = 0

    /// The best set of instructions that the processor has and the operating system supports.
    ///
    /// The size of the area for the saved registers says nothing of this: it depends on what else is saved (MPX, PKRU),
    /// and on where a maker puts each part.
    var bestInstructionSet: InstructionSet {
      // FMA 12, OSXSAVE 27, AVX 28; BMI1 3, AVX2 5, BMI2 8. XCR0: SSE 1, AVX 2.
      guard
        has(basic, 12, 27, 28), has(extended, 3, 5, 8), has(saved, 1, 2)
      else { return .baseline }
      // AVX-512 F 16, DQ 17, BW 30, VL 31. XCR0: masks 5, upper halves of registers 0–15 6, registers 16–31 7.
      return has(extended, 16, 17, 30, 31) && has(saved, 5, 6, 7) ? .avx512 : .avx2
    }

    /// Whether AVX-512 multiplies four bytes at a time (VNNI): Intel from Cascade Lake (2019), AMD from Zen 4 (2022).
    var hasByteProducts: Bool { bestInstructionSet == .avx512 && has(further, 11) }

    /// Whether AVX-512 multiplies pairs of bfloat16 and adds them to floats (BF16): Intel Cooper Lake (2020) and from
    /// Sapphire Rapids (2023), AMD from Zen 4 (2022).
    var hasBFloat16Products: Bool { bestInstructionSet == .avx512 && has(second, 5) }

    private func has<Word: FixedWidthInteger>(_ word: Word, _ bits: Int...) -> Bool {
      bits.allSatisfy { word >> Word($0) & 1 == 1 }
    }

    /// Those of this machine.
    static let current: ProcessorFeatures = {
      let basic = refrain_cpuid(1, 0).c
      var saved = basic >> 27 & 1 == 1 ? refrain_xgetbv() : 0
      #if canImport(Darwin)
        // The system begins to save the wide registers of a thread when it first uses them, and says so here alone.
        var isThere: Int32 = 0
        var size = MemoryLayout<Int32>.size
        if sysctlbyname("hw.optional.avx512f", &isThere, &size, nil, 0) == 0, isThere == 1 { saved |= 0b1110_0000 }
      #endif
      let extended = refrain_cpuid(7, 0)
      // Register A of part 0 is the number of the last part.
      let second = extended.a >= 1 ? refrain_cpuid(7, 1).a : 0
      return ProcessorFeatures(
        basic: basic, extended: extended.b, saved: saved, further: extended.c, second: second)
    }()
  }
#endif
